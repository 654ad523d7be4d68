"""Byte-level BPE in Qwen2's form, trained or taken from a language model, with Qwen2-Audio's tokens."""

from collections.abc import Iterable
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from foundation.errors import InputError

# In the order of Qwen2-Audio's vocabulary.
SPECIALS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|AUDIO|>", "<|audio_bos|>", "<|audio_eos|>")
# How Qwen2 cuts text before the merges: words with the space in front, single digits, signs, white space.
PIECES = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
    r"|\s+(?!\S)|\s+"
)
FEWEST = 256 + len(SPECIALS)  # every byte is a token


def train_byte_level_bpe(texts: Iterable[str], vocabulary: int) -> Tokenizer:
    """A tokenizer of at most `vocabulary` tokens, special ones last; fewer where texts repeat too little.

    Raises InputError for a vocabulary that cannot hold all bytes.
    """
    if vocabulary < FEWEST:
        raise InputError(f"--vocabulary must hold {FEWEST} bytes and special tokens, got {vocabulary}")
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PIECES), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary - len(SPECIALS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        min_frequency=2,
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.add_special_tokens(list(SPECIALS))
    return tokenizer


def with_audio_tokens(file: Path) -> Tokenizer:
    """The tokenizer of a language model, with those of Qwen2-Audio's special tokens that it lacks."""
    if not file.is_file():
        raise InputError(f"{file} does not exist: give a language model's folder with its tokenizer.json")
    try:
        tokenizer = Tokenizer.from_file(str(file))
    except Exception as error:  # the library raises nothing narrower
        raise InputError(f"{file} is not a readable tokenizer ({error}): download it again") from None
    tokenizer.add_special_tokens([token for token in SPECIALS if tokenizer.token_to_id(token) is None])
    return tokenizer
