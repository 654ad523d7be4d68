"""Loops: phrases that a model says again and again, in whatever capitals and punctuation.

"Hello Hello? hello" repeats no n-gram of tokens, yet it is a loop. So text is compared here in words that
are normalised: case folded, punctuation dropped. People repeat themselves too ("No, no, no!", "I don't know.
I don't know."), but in 220,000 sentences of games and everyday English, and as many German ones,
nobody says anything more than three times in a row.

Shapes: R rows, V vocabulary, L tokens of text so far.
"""

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

import torch
from torch import Tensor

from models.decoding.token_filters import RowTexts, without_tokens
from models.layers.transfers import to_device, to_host
from models.translator import Tokenizer

PHRASE_WORDS = 10  # longer phrases are not looked for
CANDIDATES = 32  # the likeliest next tokens of a row that loops: more variants of one word are not at hand
# Enough of a text's end to hold a phrase as often as it may stand, in words of several tokens.
TAIL_TOKENS = 160

APOSTROPHES = "'\N{RIGHT SINGLE QUOTATION MARK}"
# Each is a word of its own: characters of Thai, Lao, Tibetan, Burmese, Khmer, Japanese and Chinese.
UNSPACED = re.compile(r"[\u0e00-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")


def normalised_words(text: str) -> list[str]:
    """Words with case folded and without punctuation; in scripts without spaces each character is one.

    An apostrophe inside a word is dropped ("don't" -> "dont"); any other sign ends the word.
    """
    text = "".join(map(_normalised, text.casefold()))
    return UNSPACED.sub(r" \g<0> ", text).split()


@lru_cache(maxsize=10_000)
def _normalised(character: str) -> str:
    if unicodedata.category(character)[0] in "LMN":
        return character
    return "" if character in APOSTROPHES else " "


def said_too_often(words: Sequence[str], most: int) -> bool:
    """Whether the text ends with a phrase that stands there more than `most` times in a row.

    A single word may stand there once more: "no, no, no, no".
    """
    for length in range(1, PHRASE_WORDS + 1):
        allowed = most + (length == 1)
        repeated = allowed * length  # words at the end that equal the one a phrase earlier
        if len(words) < repeated + length:
            return False
        if words[-repeated:] == words[-repeated - length : -length]:
            return True
    return False


class NoRepeatedPhrases:
    """Forbids the tokens that would make a phrase of words stand too often in a row."""

    def __init__(self, tokenizer: Tokenizer, most: int) -> None:
        """most: times that a phrase may stand in a row, a single word once more; 0 forbids nothing."""
        self.tokenizer = tokenizer
        self.most = most
        self._sounds = _sounds(tokenizer) if most else torch.zeros(1)

    def __call__(self, log_probabilities: Tensor, texts: RowTexts) -> Tensor:
        """log_probabilities (R, V) with forbidden tokens at -inf; the tensor given is never changed.

        Of rows that are about to loop the likeliest tokens come to the host, which waits for the device.
        """
        text = texts.tokens
        if not self.most or text.shape[1] < self.most:
            return log_probabilities
        tails = {
            row: [token for token in text[row, -TAIL_TOKENS:].tolist() if token >= 0]
            for row in self._suspicious(text).tolist()
        }
        looping = [row for row, tokens in tails.items() if self._is_about_to_loop(tokens)]
        if not looping:
            return log_probabilities
        rows, forbidden = [], []
        for row, likeliest in zip(looping, self._likeliest(log_probabilities, looping), strict=True):
            tokens_forbidden = self._forbidden(tails[row], likeliest)
            rows += [row] * len(tokens_forbidden)
            forbidden += tokens_forbidden
        if rows:
            return without_tokens(log_probabilities, torch.tensor(rows), torch.tensor(forbidden))
        return log_probabilities

    def _suspicious(self, text: Tensor) -> Tensor:
        """Rows (R',) in which the newest piece of a word has stood as often as it may: no other can loop."""
        sounds = self._sounds[text]  # (R, L); -1 takes the entry behind the vocabulary, which is 0
        places = torch.arange(1, text.shape[1] + 1)
        newest = ((sounds > 0) * places).argmax(1, keepdim=True)
        sound = sounds.gather(1, newest)
        return ((sound > 0)[:, 0] & ((sounds == sound).sum(1) >= self.most)).nonzero()[:, 0]

    def _is_about_to_loop(self, tokens: Sequence[int]) -> bool:
        """Whether some next word, or some other end of the last word, would be too often."""
        words = normalised_words(self.tokenizer.decode(tokens))
        return any(
            said_too_often([*text, text[-length]], self.most)
            for text in (words, words[:-1])
            for length in range(1, min(PHRASE_WORDS, len(text)) + 1)
        )

    def _likeliest(self, log_probabilities: Tensor, rows: Sequence[int]) -> list[list[int]]:
        """The likeliest next tokens of each of some rows."""
        some = log_probabilities[to_device(torch.tensor(rows), log_probabilities.device)]
        [likeliest] = to_host(some.topk(min(CANDIDATES, some.shape[1])).indices)
        return likeliest.tolist()

    def _forbidden(self, tokens: Sequence[int], candidates: Sequence[int]) -> list[int]:
        """Those of the likeliest next tokens that add to a word, or begin one, and make a loop."""
        words = normalised_words(self.tokenizer.decode(tokens))
        continued = {token: normalised_words(self.tokenizer.decode([*tokens, token])) for token in candidates}
        return [
            token
            for token, longer in continued.items()
            if longer != words and said_too_often(longer, self.most)
        ]


@lru_cache(maxsize=8)  # a sweep makes many searches over one tokenizer
def _sounds(tokenizer: Tokenizer) -> Tensor:
    """(V + 1,) int64: one number for all tokens that read alike, 0 for those without letters and behind V."""
    numbers: dict[str | int, int] = {}
    sounds = []
    for token in range(tokenizer.vocabulary_size):
        text = tokenizer.decode([token])
        # Without text a token is part of a character, which only reads like itself.
        reading: str | int = text.casefold().strip() if text else token
        if text and not reading.isalnum():  # few: the expression takes longer
            reading = re.sub(r"[\W_]+", "", reading)
        sounds.append(0 if reading == "" else numbers.setdefault(reading, len(numbers) + 1))
    return torch.tensor([*sounds, 0])
