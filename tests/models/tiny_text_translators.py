"""Writes random, tiny text translators as Hugging Face folders: one of each family, without downloads.

Every weight is random, biases and norms too: a swapped or forgotten tensor changes the result.
"""

import io
import json
from pathlib import Path

import torch
from sentencepiece import SentencePieceProcessor, SentencePieceTrainer
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    M2M100Config,
    M2M100ForConditionalGeneration,
    MarianConfig,
    MarianMTModel,
    Qwen2Config,
    Qwen2ForCausalLM,
    T5Config,
    T5ForConditionalGeneration,
)

from tests.models.tiny_qwen2_audio import write_tiny_tokenizer
from tests.models.tiny_whisper import CORPUS

PIECES = 300
ASKED = "translate English to German French: In German:"
NLLB_LANGUAGES = ("eng_Latn", "deu_Latn", "fra_Latn", "zho_Hans", "zho_Hant")


def _sentence_pieces(file: Path) -> list[str]:
    """Train a SentencePiece model; returns its pieces in order, <unk> <s> </s> first."""
    model = io.BytesIO()
    SentencePieceTrainer.train(
        sentence_iterator=iter(CORPUS),
        model_writer=model,
        vocab_size=PIECES,
        model_type="bpe",
        hard_vocab_limit=False,
        minloglevel=2,
    )
    file.write_bytes(model.getvalue())
    pieces = SentencePieceProcessor(model_proto=model.getvalue())
    return [pieces.IdToPiece(piece) for piece in range(len(pieces))]


def _tokenizer_json(folder: Path, specials: list[str]) -> dict[str, int]:
    """A tokenizer.json of pieces with SentencePiece's space; returns ids by token."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    trainer = trainers.BpeTrainer(
        vocab_size=PIECES, special_tokens=["<s>", "<pad>", "</s>", "<unk>"], show_progress=False
    )
    tokenizer.train_from_iterator([*CORPUS, ASKED], trainer)
    tokenizer.add_special_tokens(specials)
    tokenizer.save(str(folder / "tokenizer.json"))
    return tokenizer.get_vocab(with_added_tokens=True)


def _randomise(network: torch.nn.Module, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in network.named_parameters():
        if "embed_positions" not in name:
            noise = torch.randn(parameter.shape, generator=generator)
            scale = 0.3 if parameter.dim() > 1 else 0.1
            base = 1.0 if "norm" in name and name.endswith("weight") else 0.0
            parameter.data = base + scale * noise


FAIRSEQ_SIZES = {
    "d_model": 32,
    "encoder_layers": 2,
    "decoder_layers": 3,
    "encoder_attention_heads": 4,
    "decoder_attention_heads": 4,
    "encoder_ffn_dim": 48,
    "decoder_ffn_dim": 64,
    "max_position_embeddings": 96,
    "dropout": 0.0,
    "attention_dropout": 0.0,
    "activation_dropout": 0.0,
}


def write_tiny_marian(folder: Path, seed: int = 0, targets: tuple[str, ...] = (), old: bool = False) -> Path:
    """An Opus-MT from English into German, or into several `targets` by marks such as >>deu<<.

    old: weights are in pytorch_model.bin, as most Opus-MT have them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    pieces = _sentence_pieces(folder / "source.spm")
    (folder / "target.spm").write_bytes((folder / "source.spm").read_bytes())
    tokens = ["</s>", "<unk>", *pieces[3:], *(f">>{code}<<" for code in targets), "<pad>"]
    ids = {token: place for place, token in enumerate(tokens)}
    (folder / "vocab.json").write_text(json.dumps(ids), encoding="utf-8")
    pair = {"source_lang": "eng", "target_lang": "mul" if targets else "deu"}
    (folder / "tokenizer_config.json").write_text(json.dumps(pair))
    config = MarianConfig(
        vocab_size=len(ids),
        pad_token_id=ids["<pad>"],
        eos_token_id=0,
        decoder_start_token_id=ids["<pad>"],
        forced_eos_token_id=None,
        activation_function="swish",
        scale_embedding=True,
        **FAIRSEQ_SIZES,
    )
    network = MarianMTModel(config)
    _randomise(network, seed)
    network.final_logits_bias = torch.randn(1, len(ids), generator=torch.Generator().manual_seed(seed + 1))
    network.save_pretrained(folder, safe_serialization=True)
    if old:
        torch.save(network.state_dict(), folder / "pytorch_model.bin")
        (folder / "model.safetensors").unlink()
    return folder


def write_tiny_m2m(folder: Path, seed: int = 0, nllb: bool = True) -> Path:
    """An NLLB with tokenizer.json, or an M2M-100 with SentencePiece files."""
    folder.mkdir(parents=True, exist_ok=True)
    if nllb:
        ids = _tokenizer_json(folder, [*NLLB_LANGUAGES, "<mask>"])
        vocabulary = len(ids)
    else:
        pieces = _sentence_pieces(folder / "sentencepiece.bpe.model")
        ids = {token: place for place, token in enumerate(["<s>", "<pad>", "</s>", "<unk>", *pieces[3:]])}
        (folder / "vocab.json").write_text(json.dumps(ids), encoding="utf-8")
        vocabulary = len(ids) + 108  # languages and spare tokens
    config = M2M100Config(
        vocab_size=vocabulary, pad_token_id=1, eos_token_id=2, decoder_start_token_id=2, **FAIRSEQ_SIZES
    )
    network = M2M100ForConditionalGeneration(config)
    _randomise(network, seed)
    network.save_pretrained(folder)
    return folder


def write_tiny_t5(folder: Path, seed: int = 0, gated: bool = True, pairs: tuple[str, ...] = ()) -> Path:
    """A T5 of version 1.1 (gated, with an output layer of its own), or of the first; pairs: "en_to_de"."""
    folder.mkdir(parents=True, exist_ok=True)
    ids = _tokenizer_json(folder, ["<extra_id_0>"])
    config = T5Config(
        vocab_size=len(ids) + 3,
        d_model=32,
        d_kv=16,
        d_ff=48,
        num_layers=2,
        num_decoder_layers=3,
        num_heads=4,
        relative_attention_num_buckets=8,
        relative_attention_max_distance=20,
        dropout_rate=0.0,
        feed_forward_proj="gated-gelu" if gated else "relu",
        tie_word_embeddings=not gated,
        pad_token_id=1,
        eos_token_id=2,
        decoder_start_token_id=1,
    )
    if pairs:
        config.task_specific_params = {f"translation_{pair}": {} for pair in pairs}
    network = T5ForConditionalGeneration(config)
    _randomise(network, seed)
    network.save_pretrained(folder)
    return folder


def write_tiny_causal(folder: Path, seed: int = 0, chat: bool = True) -> Path:
    """A Qwen2 with byte-level tokens that knows chats, or a Llama with SentencePiece's pieces."""
    folder.mkdir(parents=True, exist_ok=True)
    sizes = {
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 256,
        "tie_word_embeddings": False,
    }
    if chat:
        end = write_tiny_tokenizer(folder)["<|im_end|>"]
        network = Qwen2ForCausalLM(Qwen2Config(vocab_size=512, eos_token_id=end, **sizes))
    else:
        ids = _tokenizer_json(folder, [])
        network = LlamaForCausalLM(LlamaConfig(vocab_size=len(ids) + 3, eos_token_id=2, **sizes))
    _randomise(network, seed)
    network.save_pretrained(folder)
    return folder
