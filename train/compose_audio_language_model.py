"""A small audio-language model in Qwen2-Audio's format, from parts: where training starts.

    python -m train.compose_audio_language_model --output runs/composed --whisper openai/whisper-tiny.en \\
        --manifests train.tsv --languages de fr --vocabulary 8000 --width 256 --layers 6

Whisper's encoder with its weights, a new adapter, and a new causal language model in Qwen2's layout with a
vocabulary trained on the texts; or, with --language-model FOLDER, a Qwen2 and its vocabulary as they are.
The encoder is meant to stay frozen: the adapter and a new language model know nothing yet. transformers and
our agents load the folder.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer

from foundation.whole_folder import whole_folder
from models.errors import InputError
from models.languages import LANGUAGE_NAMES
from models.locate import locate_model
from models.qwen2_audio import PROMPT, Qwen2Audio
from models.stored_weights import read_json
from models.translator import TranslatorOptions
from models.whisper_checkpoint import WhisperCheckpoint, load_whisper_checkpoint
from models.whisper_folder import huggingface_name
from train.byte_level_bpe import train_byte_level_bpe, with_audio_tokens
from train.command_line import at_least, option, parse
from train.manifest import read_manifest
from train.text_files import read_lines

# Of a few tokens: a small model hears little, and each is computed with every chunk.
SHORT_PROMPT = "<|audio_bos|><|AUDIO|><|audio_eos|>{source} to {target}:\n"
HEAD_WIDTH = 64


@dataclass(frozen=True)
class CompositionOptions:
    output: Path = option("folder to make")
    whisper: str = option("Whisper whose encoder is used: path or name", "openai/whisper-tiny.en")
    languages: tuple[str, ...] = option("codes of the languages that will be written", ("de", "fr"))
    source_languages: tuple[str, ...] = option("codes of the languages that will be heard", ("en",))
    texts: tuple[Path, ...] = option("files of one text a line, for the vocabulary", (), metavar="FILE")
    manifests: tuple[Path, ...] = option(
        "manifests whose columns of these languages are used too", (), metavar="FILE"
    )
    language_model: str | None = option(
        "folder of a Qwen2 with its vocabulary, in place of a new one", None, metavar="FOLDER"
    )
    vocabulary: int = option("tokens of a new vocabulary", 8000)
    width: int = option(f"of a new language model, a multiple of {HEAD_WIDTH}, its heads' width", 256)
    layers: int = option("of a new language model", 6)
    context: int = option("tokens that a new language model reads at most: prompt, audio and text", 2048)
    prompt: str | None = option(
        "whole prompt, special tokens too, {source} and {target} for the languages; default: a short one, or "
        "with --language-model Qwen2-Audio's chat",
        None,
    )
    seed: int = option("of the new weights", 0)

    def __post_init__(self) -> None:
        at_least(1, layers=self.layers, width=self.width, context=self.context)
        if self.width % HEAD_WIDTH:
            raise InputError(f"--width must be a multiple of {HEAD_WIDTH}, got {self.width}")
        unknown = {*self.languages, *self.source_languages} - {*LANGUAGE_NAMES.values()}
        if unknown:
            raise InputError(f"language codes {', '.join(sorted(unknown))} are not known: give en, de ...")
        if self.output.exists():
            raise InputError(f"{self.output} exists: name another output, or move that one away")
        given = bool(self.texts or self.manifests)
        if given == (self.language_model is not None):
            raise InputError(
                "a vocabulary comes from texts or with a language model: give --texts or --manifests, or "
                "--language-model"
            )


def main(arguments: Sequence[str] | None = None) -> int:
    program, description = "python -m train.compose_audio_language_model", "Compose an audio-language model."
    try:
        words = sys.argv[1:] if arguments is None else arguments
        print(compose(parse(CompositionOptions, program, description, words)))
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def compose(options: CompositionOptions) -> str:
    """Write the folder and return one line about it. Raises InputError when the parts cannot be used."""
    transformers = _transformers()
    whisper = load_whisper_checkpoint(locate_model(options.whisper))
    if options.language_model is None:
        base = None
        tokenizer = train_byte_level_bpe(_texts(options), options.vocabulary)
        language_config = _new_language_model(options, tokenizer)
    else:
        folder = locate_model(options.language_model)
        base = _read_language_model(transformers, folder)
        tokenizer = with_audio_tokens(folder / "tokenizer.json")
        if tokenizer.get_vocab_size() > base.config.vocab_size:
            base.resize_token_embeddings(tokenizer.get_vocab_size())
        language_config = base.config.to_dict()
    prompt = options.prompt or (SHORT_PROMPT if base is None else PROMPT)
    end = "<|im_end|>" if "<|im_start|>" in prompt else "<|endoftext|>"
    config = transformers.Qwen2AudioConfig(
        audio_config=_encoder(whisper),
        text_config=language_config,
        audio_token_index=tokenizer.token_to_id("<|AUDIO|>"),
        tie_word_embeddings=language_config["tie_word_embeddings"],
        translation={
            "prompt": prompt,
            "languages": list(options.languages),
            "source_languages": list(options.source_languages),
        },
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(options.seed)
        network = transformers.Qwen2AudioForConditionalGeneration(config)
    if base is not None:
        network.language_model.load_state_dict(base.state_dict())
    network.audio_tower.load_state_dict(_encoder_weights(whisper))
    network.generation_config.eos_token_id = tokenizer.token_to_id(end)
    network.generation_config.pad_token_id = tokenizer.token_to_id("<|endoftext|>")
    with whole_folder(options.output) as partial:
        _save_processor(transformers, partial, tokenizer, whisper)
        # A context or prompt without room for the audio is refused here, not when the folder is loaded.
        model = Qwen2Audio(network, partial, TranslatorOptions())
        for source, target in product(options.source_languages, options.languages):
            model.prompt(source, target)
        network.save_pretrained(partial)
    encoder, language_model = (
        sum(weight.numel() for weight in part.parameters()) / 1e6
        for part in (network.audio_tower, network.language_model)
    )
    return (
        f"{options.output}: {config.text_config.vocab_size} tokens, encoder {encoder:.1f}M, "
        f"language model {language_model:.1f}M weights"
    )


def _transformers() -> Any:
    try:
        import transformers
    except ImportError as error:
        raise InputError(
            f"this needs transformers ({error}): install it with pip install -e '.[audio-language]'"
        ) from None
    return transformers


def _texts(options: CompositionOptions) -> list[str]:
    """All lines, and all that the manifests have in the languages of the model."""
    texts = [line for path in options.texts for line in read_lines(path) if line.strip()]
    wanted = {*options.languages, *options.source_languages}
    for path in options.manifests:
        for row in read_manifest(path).rows:
            texts += [text for language, text in row.texts.items() if language in wanted]
    if not texts:
        raise InputError(
            "there is no text to train the vocabulary on: correct --texts, --manifests or --languages"
        )
    return texts


def _new_language_model(options: CompositionOptions, tokenizer: Tokenizer) -> dict[str, Any]:
    return {
        "vocab_size": tokenizer.get_vocab_size(),
        "hidden_size": options.width,
        # Gated layers have three matrices: 8/3 of the width makes them as large as plain ones of 4.
        "intermediate_size": -(-options.width * 8 // 3 // HEAD_WIDTH) * HEAD_WIDTH,
        "num_hidden_layers": options.layers,
        "num_attention_heads": options.width // HEAD_WIDTH,
        "num_key_value_heads": options.width // HEAD_WIDTH,
        "max_position_embeddings": options.context,
        "tie_word_embeddings": True,
    }


def _read_language_model(transformers: Any, folder: Path) -> torch.nn.Module:
    config = folder / "config.json"
    kind = read_json(config).get("model_type") if config.is_file() else None
    if kind != "qwen2":
        raise InputError(f"{folder} holds {f'a {kind!r} model' if kind else 'no config.json'}: give a Qwen2")
    try:
        return transformers.Qwen2ForCausalLM.from_pretrained(
            folder, dtype=torch.float32, local_files_only=True
        )
    except Exception as error:  # what damaged files raise differs between formats and versions
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise InputError(f"{folder} holds no usable Qwen2 ({reason}): download it again") from None


def _encoder(whisper: WhisperCheckpoint) -> dict[str, Any]:
    d = whisper.dimensions
    return {
        "num_mel_bins": d.n_mels,
        "max_source_positions": d.n_audio_ctx,
        "d_model": d.n_audio_state,
        "encoder_layers": d.n_audio_layer,
        "encoder_attention_heads": d.n_audio_head,
        "encoder_ffn_dim": 4 * d.n_audio_state,
    }


def _encoder_weights(whisper: WhisperCheckpoint) -> dict[str, torch.Tensor]:
    prefix = "model.encoder."
    named = {huggingface_name(name): weight for name, weight in whisper.weights.items()}
    return {name.removeprefix(prefix): weight for name, weight in named.items() if name.startswith(prefix)}


def _save_processor(
    transformers: Any, folder: Path, tokenizer: Tokenizer, whisper: WhisperCheckpoint
) -> None:
    """What transformers' AutoProcessor reads: tokenizer, features, and the name of the class."""
    text = transformers.Qwen2TokenizerFast(
        tokenizer_object=tokenizer,
        eos_token="<|endoftext|>",
        pad_token="<|endoftext|>",
        unk_token=None,
        additional_special_tokens=["<|im_start|>", "<|im_end|>"],
    )
    seconds = whisper.dimensions.n_audio_ctx // 50
    features = transformers.WhisperFeatureExtractor(
        feature_size=whisper.dimensions.n_mels, chunk_length=seconds
    )
    transformers.Qwen2AudioProcessor(features, text).save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))


if __name__ == "__main__":
    sys.exit(main())
