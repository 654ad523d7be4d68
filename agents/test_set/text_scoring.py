"""How text of a language is scored: the unit in which latency is counted, and BLEU's tokenizer.

SimulEval knows nothing of languages. Left to its defaults it takes a whole Chinese sentence for one word,
which gives latencies far below zero and a BLEU of 0.
"""

from sacrebleu.metrics import BLEU

from foundation.errors import InputError
from models.languages import ENGLISH_NAMES, canonical_language, counts_characters

# sacreBLEU's own choice for these languages; its tokenizer for all others needs spaces.
BLEU_TOKENIZERS = {"zh": "zh", "yue": "zh", "ja": "ja-mecab", "ko": "ko-mecab"}
# Those of sacreBLEU that find words by spaces and punctuation only.
TOKENIZERS_BY_SPACES = ("none", "13a", "intl")


def latency_unit(language: str) -> str:
    """What latency counts in a language, however that is named: "char" if it has no spaces, else "word"."""
    return "char" if counts_characters(language) else "word"


def bleu_tokenizer(language: str) -> str:
    """The name of sacreBLEU's tokenizer for a language, however that is named."""
    characters = "char" if counts_characters(language) else "13a"
    return BLEU_TOKENIZERS.get(canonical_language(language), characters)


def check_text_scoring(language: str, unit: str, tokenizer: str | None) -> None:
    """Raises InputError for a unit, or a tokenizer of BLEU, that says nothing about text of the language.

    tokenizer is None where there is no BLEU.
    """
    code = canonical_language(language)
    name = ENGLISH_NAMES.get(code, code)
    if counts_characters(language):
        if unit == "word":
            raise InputError(
                f"eval_latency_unit word counts a sentence of {name}, which has no spaces, as one word: "
                "leave it out, or set it to char"
            )
        if tokenizer in TOKENIZERS_BY_SPACES:
            raise InputError(
                f"BLEU's tokenizer {tokenizer} finds no words in {name}, which has no spaces: leave "
                f"sacrebleu_tokenizer out, or set it to {bleu_tokenizer(language)}"
            )
    elif unit == "char" and code in ENGLISH_NAMES and tokenizer in TOKENIZERS_BY_SPACES:
        raise InputError(
            f"eval_latency_unit char takes the spaces out of what is written in {name}, so that BLEU finds "
            "no words: leave it out, or set sacrebleu_tokenizer to char"
        )


def check_tokenizer(tokenizer: str) -> None:
    """Raises InputError for a tokenizer of BLEU that is not installed; SimulEval would call the score 0."""
    try:
        BLEU(tokenize=tokenizer)
    except (ImportError, RuntimeError, KeyError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"metric BLEU cannot be used here: {reason}") from None
