"""A random, tiny REINA model with a SentencePiece tokenizer trained on a few sentences."""

import io
from pathlib import Path

import torch
from sentencepiece import SentencePieceTrainer

from models.policy.folder import StoredPolicy, save_policy
from models.policy.network import PolicyNetwork, PolicyOptions
from models.reina.folder import save_reina
from models.reina.network import Reina, ReinaDimensions
from models.reina.sentencepiece_tokenizer import SentencePieceTokenizer
from tests.models.tiny_whisper import CORPUS

PIECES = 400
LANGUAGES = ("en", "de", "zh")
DIMENSIONS = ReinaDimensions(
    n_mels=80,
    n_audio_ctx=1500,
    n_audio_state=24,
    n_audio_head=2,
    n_audio_layer=2,
    n_vocab=PIECES + len(LANGUAGES),
    n_text_ctx=120,
    n_text_state=32,
    n_text_head=2,
    n_text_layer=2,
    n_source_layer=2,
)


def write_tiny_pieces(file: Path, pieces: int = PIECES, **settings) -> Path:
    """Train a SentencePiece model with bytes for unknown characters, as Mistral's has; return `file`."""
    model = io.BytesIO()
    SentencePieceTrainer.train(
        sentence_iterator=iter(CORPUS),
        model_writer=model,
        vocab_size=pieces,
        **{"model_type": "bpe", "byte_fallback": True, "minloglevel": 2} | settings,
    )
    file.write_bytes(model.getvalue())
    return file


def randomise(network: torch.nn.Module, seed: int) -> None:
    """Random weights everywhere, biases and norms too: a swapped or forgotten tensor changes the result."""
    generator = torch.Generator().manual_seed(seed)
    for name, weight in network.named_parameters():
        if name.startswith("positions."):
            continue
        center = 1.0 if weight.dim() == 1 and name.endswith("weight") else 0.0
        spread = weight[0].numel() ** -0.5 if weight.dim() > 1 and "embed" not in name else 0.2
        weight.data = center + spread * torch.randn(weight.shape, generator=generator)


def tiny_reina(seed: int = 0, **changes) -> Reina:
    """In evaluation mode; `changes` replace sizes."""
    model = Reina(ReinaDimensions(**{**vars(DIMENSIONS), **changes})).eval()
    randomise(model, seed)
    return model


def tiny_policy(seed: int = 0, **options) -> PolicyNetwork:
    """In evaluation mode, over hidden states of width 32."""
    network = PolicyNetwork(PolicyOptions(**{"hidden_width": 32, "width": 16, "heads": 2} | options)).eval()
    randomise(network, seed)
    return network


def write_tiny_reina(folder: Path, seed: int = 0, threshold: float | None = None, **policy) -> Path:
    """Write a model folder, with a policy if a threshold or an option of it is given; return `folder`."""
    pieces = write_tiny_pieces(folder.with_suffix(".model"))
    tokenizer = SentencePieceTokenizer(pieces, LANGUAGES, ["en"])
    save_reina(folder, tiny_reina(seed), tokenizer, torch.float32)
    if policy or threshold is not None:
        save_policy(folder, StoredPolicy(tiny_policy(seed, **policy), threshold, None), torch.float32)
    return folder
