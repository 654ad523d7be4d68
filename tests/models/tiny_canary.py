"""Writes a random, tiny Canary as transformers 5 would: a model for tests that need neither download nor
transformers.

The tokenizer is a BPE of SentencePiece's kind trained here on a few sentences, with the special tokens of
canary-1b-v2 in their order. Every weight is random, biases, norms and batch statistics too: a swapped or
forgotten tensor changes the result.
"""

import json
import re
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from torch import Tensor

from models.canary.dimensions import CanaryDimensions
from models.canary.network import Canary
from tests.models.tiny_whisper import CORPUS

SPECIALS = (
    *("<unk>", "<|nospeech|>", "<pad>", "<|endoftext|>", "<|startoftranscript|>", "<|pnc|>", "<|nopnc|>"),
    *("<|startofcontext|>", "<|itn|>", "<|noitn|>", "<|timestamp|>", "<|notimestamp|>", "<|diarize|>"),
    *("<|nodiarize|>", "<|spkchange|>", "<|audioseparator|>", "<|emo:undefined|>"),
    *("<|en|>", "<|de|>", "<|es|>", "<|fr|>", "<|ja|>", "<|0|>", "<|1|>"),
)
END = SPECIALS.index("<|endoftext|>")
START = SPECIALS.index("<|startofcontext|>")
VOCABULARY = 420
DIMENSIONS = CanaryDimensions(
    n_mels=80,
    n_audio_ctx=500,
    n_audio_state=32,
    n_audio_head=2,
    n_audio_layer=2,
    n_vocab=VOCABULARY,
    n_text_ctx=120,
    n_text_state=32,
    n_text_head=4,
    n_text_layer=3,
    n_audio_inner=48,
    n_audio_channels=8,
    halvings=3,
    audio_kernel=9,
    n_text_inner=40,
)
# Our names of the decoder's tensors to Hugging Face's, applied in this order.
DECODER_NAMES = (
    ("token_embedding.", "embed_tokens."),
    ("embedding_ln.", "embedding_layernorm."),
    ("decoder.ln.", "decoder.norm."),
    (".cross_attn_ln.", ".post_attention_layernorm."),
    (".attn_ln.", ".input_layernorm."),
    (".mlp_ln.", ".final_layernorm."),
    (".cross_attn.", ".encoder_attn."),
    (".attn.", ".self_attn."),
    (".blocks.", ".layers."),
    (".query.", ".q_proj."),
    (".key.", ".k_proj."),
    (".value.", ".v_proj."),
    (".out.", ".o_proj."),
    (".mlp.0.", ".mlp.fc1."),
    (".mlp.2.", ".mlp.fc2."),
)


def write_tiny_tokenizer(file: Path, leave_out: str | None = None) -> None:
    """Write tokenizer.json with `VOCABULARY` tokens at most."""
    specials = [token for token in SPECIALS if token != leave_out]
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY, special_tokens=specials, min_frequency=1, show_progress=False
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    tokenizer.save(str(file))


def tiny_canary(seed: int = 0, end_scale: float = 1.0, **changes: Any) -> Canary:
    """In evaluation mode; `changes` replace sizes. end_scale: above 1 texts end soon, at 0 hardly ever."""
    model = Canary(CanaryDimensions(**{**vars(DIMENSIONS), **changes})).eval()
    generator = torch.Generator().manual_seed(seed)
    for name, weight in model.state_dict().items():
        if name.endswith(("positional_embedding", "num_batches_tracked")):
            continue
        scales = weight.dim() == 1 and name.endswith("weight")  # of a norm
        spread = weight[0].numel() ** -0.5 if weight.dim() > 1 and "embedding" not in name else 0.2
        drawn = torch.randn(weight.shape, generator=generator)
        if name.endswith("running_var"):
            weight.copy_(torch.exp(spread * drawn))
        else:
            weight.copy_(scales + spread * drawn * (5 if "token_embedding" in name else 1))
    model.decoder.token_embedding.weight.data[END] *= end_scale
    return model


def write_tiny_canary(folder: Path, model: Canary | None = None, **tokens: Any) -> Path:
    """Write a model folder and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    model = model or tiny_canary()
    write_tiny_tokenizer(folder / "tokenizer.json", **tokens)
    weights = {
        name: value.contiguous()
        for name, value in huggingface_names(model.state_dict()).items()
        if not name.endswith("positional_embedding")
    }
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    write_json(folder / "config.json", configuration(model.dimensions))
    write_json(folder / "generation_config.json", {"eos_token_id": END, "decoder_start_token_id": START})
    extractor = {
        "feature_extractor_type": "ParakeetFeatureExtractor",
        "feature_size": model.dimensions.n_mels,
        "hop_length": 160,
        "n_fft": 512,
        "preemphasis": 0.97,
        "sampling_rate": 16_000,
        "win_length": 400,
    }
    write_json(folder / "preprocessor_config.json", extractor)
    return folder


def write_json(file: Path, content: dict[str, Any]) -> None:
    file.write_text(json.dumps(content, indent=1), encoding="utf-8")


def configuration(d: CanaryDimensions) -> dict[str, Any]:
    """config.json as transformers writes it, but for what only training uses."""
    encoder = {
        "model_type": "parakeet_encoder",
        "hidden_act": "silu",
        "num_mel_bins": d.n_mels,
        "max_position_embeddings": 5000,
        "hidden_size": d.n_audio_state,
        "num_attention_heads": d.n_audio_head,
        "num_key_value_heads": d.n_audio_head,
        "num_hidden_layers": d.n_audio_layer,
        "intermediate_size": d.n_audio_inner,
        "subsampling_conv_channels": d.n_audio_channels,
        "subsampling_conv_kernel_size": 3,
        "subsampling_conv_stride": 2,
        "subsampling_factor": 2**d.halvings,
        "conv_kernel_size": d.audio_kernel,
        "attention_bias": d.audio_bias,
        "convolution_bias": d.convolution_bias,
        "scale_input": d.scales_audio,
    }
    decoder = {
        "model_type": "canary_decoder",
        "hidden_act": "relu",
        "vocab_size": d.n_vocab,
        "max_position_embeddings": d.n_text_ctx,
        "hidden_size": d.n_text_state,
        "num_attention_heads": d.n_text_head,
        "num_key_value_heads": d.n_text_head,
        "head_dim": d.n_text_state // d.n_text_head,
        "num_hidden_layers": d.n_text_layer,
        "intermediate_size": d.n_text_inner,
        "attention_bias": d.text_bias,
    }
    return {
        "model_type": "canary",
        "architectures": ["CanaryForConditionalGeneration"],
        "encoder_config": encoder,
        "decoder_config": decoder,
        "vocab_size": d.n_vocab,
        "tie_word_embeddings": d.shared_output,
        "is_encoder_decoder": True,
        "pad_token_id": 2,
        "eos_token_id": END,
        "bos_token_id": 4,
        "decoder_start_token_id": START,
    }


def huggingface_names(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Tensors by the names, and in the shapes, of `CanaryForConditionalGeneration`."""
    renamed = {}
    for name, tensor in weights.items():
        if name in ("decoder.output_bias", "decoder.output.weight"):
            renamed["proj_out." + re.split(r"[._]", name)[-1]] = tensor
            continue
        if name.startswith("decoder."):
            for own, theirs in DECODER_NAMES:
                name = name.replace(own, theirs)
        elif ".pointwise_conv" in name and tensor.dim() == 2:
            tensor = tensor[..., None]
        renamed["model." + name] = tensor
    return renamed
