"""What the JSON files of a Canary folder say, checked before anything is built from it.

config.json               sizes of encoder and decoder, ids of special tokens; `languages`, a list of codes,
                          for a model that knows others than canary-1b-v2 does
generation_config.json    `alignment_heads` as in Whisper's, if somebody has found them
processor_config.json, or preprocessor_config.json    how features are computed
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from foundation.errors import InputError
from models.canary.dimensions import CanaryDimensions
from models.canary.features import PRE_EMPHASIS, TRANSFORM
from models.canary.tokenizer import END, START
from models.language_pairs import CANARY_LANGUAGES
from models.sound.audio import SAMPLE_RATE
from models.sound.log_mel import HOP, HOP_MS, WINDOW
from models.storage.declared_sizes import is_size
from models.storage.model_files import read_json

CONFIG = "config.json"
# The longest clips that Canary was trained on; NeMo cuts longer audio in pieces.
WINDOW_MS = 40_000

ENCODER_SIZES = {
    "n_mels": "num_mel_bins",
    "n_audio_ctx": "max_position_embeddings",
    "n_audio_state": "hidden_size",
    "n_audio_head": "num_attention_heads",
    "n_audio_layer": "num_hidden_layers",
    "n_audio_inner": "intermediate_size",
    "n_audio_channels": "subsampling_conv_channels",
    "audio_kernel": "conv_kernel_size",
    "halvings": "subsampling_factor",
}
DECODER_SIZES = {
    "n_vocab": "vocab_size",
    "n_text_ctx": "max_position_embeddings",
    "n_text_state": "hidden_size",
    "n_text_head": "num_attention_heads",
    "n_text_layer": "num_hidden_layers",
    "n_text_inner": "intermediate_size",
}
# What alone is computed here, by section.
COMPUTED = {
    "encoder_config": {
        "hidden_act": "silu",
        "subsampling_conv_kernel_size": 3,
        "subsampling_conv_stride": 2,
    },
    "decoder_config": {"hidden_act": "relu"},
}
FLAGS = {
    "encoder_config": {
        "audio_bias": "attention_bias",
        "convolution_bias": "convolution_bias",
        "scales_audio": "scale_input",
    },
    "decoder_config": {"text_bias": "attention_bias"},
}


def read_configuration(folder: Path) -> dict[str, Any]:
    """What config.json says, and generation_config.json. Raises InputError unless it describes a Canary."""
    file = folder / CONFIG
    if not file.is_file():
        raise InputError(f"{folder} has no {CONFIG}: copy the whole folder of the model")
    config = read_json(file)
    if config.get("model_type") != "canary":
        raise InputError(
            f"{file} describes a {config.get('model_type')!r} model: give one whose model_type is 'canary'"
        )
    generation = folder / "generation_config.json"
    return config | (read_json(generation) if generation.is_file() else {})


def canary_dimensions(folder: Path, config: Mapping[str, Any]) -> CanaryDimensions:
    """Raises InputError for sizes that are not there, fit no model, or are not computed here."""
    file = folder / CONFIG
    sections = {}
    for name, wanted in COMPUTED.items():
        section = sections[name] = config.get(name)
        if not isinstance(section, dict):
            raise InputError(
                f"{file} gives no {name}: download it again from a model of transformers' format"
            )
        for key, value in wanted.items():
            if section.get(key, value) != value:
                raise InputError(
                    f"{file} says {name}.{key} {section[key]!r:.40}, but Canary has {value!r}, which alone "
                    "is computed here: correct it, or give another model"
                )
    encoder, decoder = sections.values()
    sizes = _sizes(file, "encoder_config", ENCODER_SIZES, encoder)
    sizes |= _sizes(file, "decoder_config", DECODER_SIZES, decoder)
    for name, flags in FLAGS.items():
        sizes |= {flag: _flag(file, sections[name], f"{name}.{key}") for flag, key in flags.items()}
    sizes["shared_output"] = _flag(file, config, "tie_word_embeddings")
    factor = sizes["halvings"]
    sizes["halvings"] = factor.bit_length() - 1
    _check_shapes(file, sizes, factor, decoder)
    sizes["n_audio_ctx"] = min(sizes["n_audio_ctx"], WINDOW_MS // (HOP_MS * factor))
    return CanaryDimensions(**sizes)


def _sizes(
    file: Path, section: str, keys: Mapping[str, str], declared: Mapping[str, object]
) -> dict[str, Any]:
    wrong = [key for key in keys.values() if not is_size(key, declared.get(key))]
    if wrong:
        found = ", ".join(f"{key} {str(declared.get(key)):.40}" for key in wrong[:3])
        raise InputError(
            f"{file} gives no positive whole number for {', '.join(wrong)} in {section}, or one that no "
            f"model has (found {found}): download it again"
        )
    return {name: declared[key] for name, key in keys.items()}


def _flag(file: Path, section: Mapping[str, object], name: str) -> bool:
    value = section.get(name.rpartition(".")[2])
    if type(value) is not bool:
        raise InputError(f"{file} must give {name} as true or false, found {value!r:.40}: download it again")
    return value


def _check_shapes(file: Path, sizes: Mapping[str, int], factor: int, decoder: Mapping[str, object]) -> None:
    """Raises InputError for sizes that do not go together."""
    d = sizes
    faults = [
        f"width {width} does not split into {heads} heads of an even width"
        for width, heads in ((d["n_audio_state"], d["n_audio_head"]), (d["n_text_state"], d["n_text_head"]))
        if width % heads or width % 2
    ]
    if factor != 1 << d["halvings"] or not 2 <= factor <= 64 or d["n_mels"] % factor:
        faults.append(f"{d['n_mels']} mel bins do not halve to a {factor}th (subsampling_factor)")
    if d["audio_kernel"] % 2 == 0:
        faults.append(f"conv_kernel_size {d['audio_kernel']} is even")
    if d["n_audio_state"] != d["n_text_state"]:
        faults.append(f"encoder and decoder are of width {d['n_audio_state']} and {d['n_text_state']}")
    if decoder.get("num_key_value_heads", d["n_text_head"]) != d["n_text_head"]:
        faults.append("the decoder has fewer heads of keys than of queries")
    if (
        decoder.get("head_dim", d["n_text_state"] // d["n_text_head"])
        != d["n_text_state"] // d["n_text_head"]
    ):
        faults.append("the decoder's head_dim is not its width divided by its heads")
    if faults:
        raise InputError(
            f"{file}: {faults[0]}, which is not computed here: correct it, or give another model"
        )


def special_tokens(folder: Path, config: Mapping[str, Any]) -> dict[str, int]:
    """Ids by token, as far as the configuration declares them. Raises InputError for what is no id."""
    declared = {END: config.get("eos_token_id"), START: config.get("decoder_start_token_id")}
    wrong = [token for token, id in declared.items() if not (id is None or type(id) is int)]
    if wrong:
        raise InputError(
            f"{CONFIG} or generation_config.json in {folder} gives no id for {wrong[0]} "
            f"(found {declared[wrong[0]]!r:.40}): download them again"
        )
    return {token: id for token, id in declared.items() if id is not None}


def known_languages(folder: Path, config: Mapping[str, Any]) -> tuple[str, ...]:
    """Codes. Raises InputError for what is no list of them."""
    languages = config.get("languages", list(CANARY_LANGUAGES))
    if not isinstance(languages, list) or not all(isinstance(code, str) for code in languages):
        raise InputError(
            f"{folder / CONFIG} must give languages as a list of codes, found {languages!r:.40}: correct "
            "it, or remove the entry"
        )
    return tuple(languages)


def check_features(folder: Path, mel_bins: int) -> None:
    """Raises InputError where the folder's feature extractor computes other features than is done here."""
    for name in ("processor_config.json", "preprocessor_config.json"):
        file = folder / name
        declared = read_json(file) if file.is_file() else {}
        declared = declared.get("feature_extractor", declared)
        computed = {
            "feature_size": mel_bins,
            "sampling_rate": SAMPLE_RATE,
            "hop_length": HOP,
            "win_length": WINDOW,
            "n_fft": TRANSFORM,
            "preemphasis": PRE_EMPHASIS,
        }
        for key, value in computed.items():
            if isinstance(declared, dict) and declared.get(key, value) != value:
                raise InputError(
                    f"{file} says {key} {declared[key]!r:.40}, but {value} alone is computed here: give the "
                    "file of the same model, or another model"
                )
