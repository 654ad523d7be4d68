"""Words that a small model may write: of their pieces it makes no others.

A model that learned little puts pieces together to words that no language has. Beside its weights may lie
lists of words, one for each language that it writes (`models.storage.word_lists`). A row whose language has
a list goes on with tokens only that keep its last word the beginning of a listed one, and ends only with a
whole one. Numbers and punctuation are free.

Shapes: M rows of the model, V vocabulary.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache

import torch
from torch import Tensor

from models.decoding.hypotheses import Hypothesis
from models.decoding.options import StreamRequest
from models.decoding.token_filters import RowTexts
from models.layers.transfers import to_device, to_host
from models.storage.word_lists import LAST_LETTERS, WordList
from models.translator import Tokenizer

TAIL_TOKENS = 32  # hold a word
CANDIDATES = 48  # the likeliest next tokens of a row, of which some are likely allowed
MORE_CANDIDATES = 384  # where too few of these are


class KnownWordsOnly:
    """A `TokenFilter`: rows of languages with a list write nothing else."""

    def __init__(self, tokenizer: Tokenizer, needed: int) -> None:
        """needed: so many tokens the search looks at in each row."""
        self._tokenizer = tokenizer
        self._needed = needed
        self._end = tokenizer.end_of_sequence
        self.lists: list[WordList] = []

    def place(self, words: WordList | None) -> int:
        """The number of a list in `RowTexts.word_lists`; -1 where any word may be written."""
        if words is None:
            return -1
        if words not in self.lists:
            self.lists.append(words)
        return self.lists.index(words)

    def __call__(self, log_probabilities: Tensor, texts: RowTexts) -> Tensor:
        """Of rows with a list the likeliest tokens come to the host, which waits for the device."""
        bound = (texts.word_lists >= 0).nonzero()[:, 0]
        if len(bound) == 0:
            return log_probabilities
        some = log_probabilities[to_device(bound, log_probabilities.device)]
        values, likeliest = to_host(*some.topk(min(CANDIDATES, some.shape[1])))
        masked = some.clone()
        for place, (row, tokens, known) in enumerate(zip(bound.tolist(), likeliest, values, strict=True)):
            words = self.lists[int(texts.word_lists[row])]
            begun = self._begun(texts.tokens[row].tolist())
            allowed = self._allowed(words, begun, tokens)
            if int((allowed & (known > -torch.inf)).sum()) >= self._needed:
                masked[place, tokens[~allowed].to(masked.device)] = -torch.inf
            else:
                masked[place] = self._only_allowed(words, begun, some[place])
        return log_probabilities.index_put((to_device(bound, log_probabilities.device),), masked)

    def whole(
        self,
        word_list: Callable[[Sequence[int]], WordList | None],
        found: Hypothesis,
        request: StreamRequest,
    ) -> Hypothesis:
        """What was found, without the half of a word with which it stops at a limit when the audio has ended.

        word_list: of a prompt. Before the end only words are shown behind which another begins.
        """
        words = word_list(request.prompt)
        tokens = list(found.tokens)
        if words is not None and request.audio_finished:
            while tokens and not words.allows(self._begun([*request.committed, *tokens]), None):
                tokens.pop()
        if len(tokens) == len(found.tokens):
            return found
        return replace(found, tokens=tuple(tokens), next_token=found.tokens[len(tokens)])

    def _begun(self, tokens: Sequence[int]) -> str:
        """The letters with which a row's text ends."""
        tail = [token for token in tokens[-TAIL_TOKENS:] if token >= 0]
        return LAST_LETTERS.search(self._tokenizer.decode(tail)).group()

    def _allowed(self, words: WordList, begun: str, tokens: Tensor) -> Tensor:
        """(K,) of tokens (K,), on the host, those that may follow."""
        return torch.tensor([self._may_follow(words, begun, token) for token in tokens.tolist()])

    def _only_allowed(self, words: WordList, begun: str, log_probabilities: Tensor) -> Tensor:
        """(V,) of a row with few allowed tokens among the likeliest, as in the middle of a rare word.

        Nothing but the allowed ones of more likely tokens, for those behind them have next to no probability;
        of the whole vocabulary, which takes the time of ten steps, where none of these may follow.
        """
        vocabulary = len(log_probabilities)
        for count in (min(MORE_CANDIDATES, vocabulary), vocabulary):
            known, tokens = to_host(*log_probabilities.topk(count))
            allowed = self._allowed(words, begun, tokens) & (known > -torch.inf)
            if allowed.any():
                kept = to_device(tokens[allowed], log_probabilities.device)
                return torch.full_like(log_probabilities, -torch.inf).index_put(
                    (kept,), log_probabilities[kept]
                )
        # A committed text may end in letters that no word begins with: it goes on as without a list.
        return log_probabilities

    def _may_follow(self, words: WordList, begun: str, token: int) -> bool:
        if token == self._end:
            return words.allows(begun, None)
        added = _texts(self._tokenizer)[token]
        # A token without a whole character is a byte of one that no list's words are spelled with.
        return bool(added) and words.allows(begun, added)


@lru_cache(maxsize=8)  # a sweep makes many searches over one tokenizer
def _texts(tokenizer: Tokenizer) -> Sequence[str]:
    """(V,) what each token adds to a text, a space in front included."""
    spaces = (tokenizer.units_started(False) > 0).tolist()
    return [
        (" " if space else "") + tokenizer.decode([token]).removeprefix(" ")
        for token, space in enumerate(spaces)
    ]
