"""Writes a random, tiny Whisper as a Hugging Face folder: a model for tests that need no download.

The tokenizer is a byte-level BPE trained here on a few sentences, with Whisper's special tokens in
Whisper's order (end of text first, timestamps last), so that every token rule of the real
checkpoints applies. Every weight is random, biases and layer norms too: a swapped or forgotten
tensor changes the result.
"""

from pathlib import Path

import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import GenerationConfig, WhisperConfig, WhisperForConditionalGeneration

LANGUAGES = ("en", "zh", "de", "es", "fr", "ja")
CORPUS = (
    "the cat sat on the mat and the dog sat near the door",
    "a man is walking in the street with a woman and two children",
    "what do you want to say? I want to hear the music, and then go home.",
    "hello world! this is a small model that knows only some words",
    '(the music is loud) and [nobody] can hear "the" words - not even one',
    "el gato se sentó en la alfombra y el perro cerca de la puerta",
    "un hombre camina por la calle con una mujer y dos niños",
    "¿qué quieres decir? quiero oír la música y luego volver a casa.",
    "hola mundo, este es un modelo pequeño que sabe solo algunas palabras",
    "der Hund und die Katze schlafen; das Mädchen hört Musik",
    "世界 你好 音楽 を 聞く ♪♪♪",
)


def write_tiny_tokenizer(
    path: Path, *, english_only: bool = False, vocabulary_size: int = 640, timestamps: bool = True
) -> dict[str, int]:
    """Write tokenizer.json to `path` and return the ids of its special tokens by name.

    Timestamps fill the vocabulary up to `vocabulary_size`; with `timestamps=False` their ids stay
    out of the file, as in the files that come with older checkpoints. `english_only` leaves out all
    language tokens but English. ValueError if `vocabulary_size` cannot hold bytes and specials.
    """
    languages = ("en",) if english_only else LANGUAGES
    specials = [
        "<|endoftext|>",
        "<|startoftranscript|>",
        *(f"<|{language}|>" for language in languages),
        "<|translate|>",
        "<|transcribe|>",
        "<|startoflm|>",
        "<|startofprev|>",
        "<|nospeech|>",
        "<|notimestamps|>",
    ]
    fewest_timestamps = 51  # 0.00 to 1.00 s
    text_size = vocabulary_size - len(specials) - fewest_timestamps
    if text_size < 256:
        raise ValueError(f"vocabulary_size must be at least {vocabulary_size + 256 - text_size}")

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=text_size, initial_alphabet=alphabet, min_frequency=1, show_progress=False
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    tokenizer.add_special_tokens(specials)
    ids = {token: tokenizer.token_to_id(token) for token in specials}
    if timestamps:
        count = vocabulary_size - tokenizer.get_vocab_size()
        tokenizer.add_tokens([AddedToken(f"<|{0.02 * i:.2f}|>", normalized=False) for i in range(count)])
    tokenizer.save(str(path))
    return ids


def write_tiny_whisper(
    folder: Path,
    *,
    seed: int = 0,
    english_only: bool = False,
    vocabulary_size: int = 640,
    layers: int = 2,
    width: int = 32,
    heads: int = 2,
    n_audio_ctx: int = 1500,
    alignment_heads: list[list[int]] | None = None,
    trailing_silence_ms: int | None = None,
) -> Path:
    """Write config.json, model.safetensors, tokenizer.json, generation_config.json; return `folder`.

    `n_audio_ctx` counts encoder frames of 20 ms. `alignment_heads` lists (layer, head) pairs and is
    left out of generation_config.json when None. `trailing_silence_ms` is what the model says it was
    trained for; None says nothing, as Whisper's own. The same seed gives the same weights.
    """
    folder.mkdir(parents=True, exist_ok=True)
    ids = write_tiny_tokenizer(
        folder / "tokenizer.json", english_only=english_only, vocabulary_size=vocabulary_size
    )
    end, start = ids["<|endoftext|>"], ids["<|startoftranscript|>"]
    config = WhisperConfig(
        vocab_size=vocabulary_size,
        d_model=width,
        encoder_layers=layers,
        decoder_layers=layers,
        encoder_attention_heads=heads,
        decoder_attention_heads=heads,
        encoder_ffn_dim=4 * width,
        decoder_ffn_dim=4 * width,
        max_source_positions=n_audio_ctx,
        bos_token_id=end,
        eos_token_id=end,
        pad_token_id=end,
        decoder_start_token_id=start,
        suppress_tokens=None,
        begin_suppress_tokens=None,
        **({} if trailing_silence_ms is None else {"trailing_silence_ms": trailing_silence_ms}),
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = WhisperForConditionalGeneration(config)
        for name, weight in model.named_parameters():
            if "encoder.embed_positions" in name:  # sinusoids, fixed in every Whisper
                continue
            center = 1.0 if "layer_norm.weight" in name else 0.0
            # 2-D and 3-D weights keep their input's scale: logits far from uniform, nothing saturated
            spread = weight[0].numel() ** -0.5 if weight.dim() > 1 and "embed" not in name else 0.2
            torch.nn.init.normal_(weight, center, spread)

    generation = {
        "bos_token_id": end,
        "eos_token_id": end,
        "pad_token_id": end,
        "decoder_start_token_id": start,
        "no_timestamps_token_id": ids["<|notimestamps|>"],
        "prev_sot_token_id": ids["<|startofprev|>"],
        "max_length": config.max_target_positions,
        "is_multilingual": not english_only,
    }
    if not english_only:
        generation["lang_to_id"] = {f"<|{language}|>": ids[f"<|{language}|>"] for language in LANGUAGES}
        generation["task_to_id"] = {task: ids[f"<|{task}|>"] for task in ("translate", "transcribe")}
    if alignment_heads is not None:
        generation["alignment_heads"] = alignment_heads
    model.generation_config = GenerationConfig(**generation)
    model.save_pretrained(folder)
    return folder
