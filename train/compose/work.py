"""The work of `train.compose_audio_language_model`: put the parts together, and write the folder."""

from itertools import product
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer

from foundation.errors import InputError
from foundation.files.text_lines import read_lines
from foundation.files.whole_folder import whole_folder
from models.audio_language.qwen2_audio import Qwen2Audio
from models.storage.locate import locate_model
from models.storage.model_files import read_json
from models.translator import TranslatorOptions
from models.whisper.checkpoint import WhisperCheckpoint, load_whisper_checkpoint
from models.whisper.huggingface_names import huggingface_name
from train.compose.byte_level_bpe import train_byte_level_bpe, with_audio_tokens
from train.compose.options import HEAD_WIDTH, CompositionOptions
from train.data.manifest import read_manifest

# Of a few tokens: a small model hears little, and each is computed with every chunk.
SHORT_PROMPT = "<|audio_bos|><|AUDIO|><|audio_eos|>{source} to {target}:\n"


def run(options: CompositionOptions) -> None:
    print(compose(options))


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
    prompt = options.prompt or (SHORT_PROMPT if base is None else Qwen2Audio.usual_prompt)
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
