"""A text translator whose right output is known: word for word, each by the next of the alphabet of pairs.

"Ab Cd" is "Cd Ef". Source and target words stand in the same order; each source word is one frame.
"""

import torch

from models.text_translation.source_text import SourceText
from models.text_translation.text_translator import TextTranslator
from models.translator import DecoderOutput, Memory
from tests.models.scripted_translator import END, ScriptedState, ScriptedTranslator
from tests.models.spelling_translator import SpellingTokenizer

LETTERS = SpellingTokenizer.letters


class WordTranslator(TextTranslator, ScriptedTranslator):
    """Certain of the translation of every word that it has read."""

    hidden_width = 1

    def __init__(self) -> None:
        super().__init__(lambda frames, tokens: torch.zeros(0), len(LETTERS))
        self.tokenizer = SpellingTokenizer(len(LETTERS))
        self.read_texts: list[list[str]] = []  # by each call of encode_streams

    def encode_streams(self, streams: list[SourceText]) -> Memory:
        self.read_texts.append([stream.text for stream in streams])
        words = [stream.text.split() for stream in streams]
        lengths = torch.tensor([len(some) for some in words])
        longest = int(lengths.max())
        frames, ends_ms = torch.zeros(len(words), longest, 1), torch.zeros(len(words), longest)
        for row, (stream, some) in enumerate(zip(streams, words, strict=True)):
            ends = [len(" ".join(some[: count + 1])) for count in range(len(some))]
            frames[row, : len(some), 0] = torch.tensor([float(LETTERS.index(word[0])) for word in some])
            ends_ms[row, : len(some)] = torch.tensor(stream.times_ms(ends))
        return Memory(frames, lengths, lengths, ends_ms)

    def start(self, memory, prefixes, listens_to=None, with_attention=False):
        places = range(len(prefixes)) if listens_to is None else listens_to
        heard = [memory.frames[at, : int(memory.lengths[at]), 0].int().tolist() for at in places]
        state = ScriptedState([[*prefix] for prefix in prefixes], heard)
        return state, self._predict(state, memory.frames.shape[1])

    def step(self, state, tokens):
        for text, token in zip(state.texts, tokens.tolist(), strict=True):
            text.append(token)
        return self._predict(state, max(map(len, state.frames)))

    def _predict(self, state, frames):
        probabilities = torch.full((len(state.texts), len(LETTERS)), 1e-4)
        attention = torch.zeros(len(state.texts), frames)
        for row, (source, text) in enumerate(zip(state.frames, state.texts, strict=True)):
            word, letter = divmod(len(text), 2)
            token = source[word] + 2 + letter if word < len(source) else END
            probabilities[row, token] = 0.9
            attention[row, min(word, len(source) - 1)] = 1.0
        hidden = torch.zeros(len(state.texts), 1, 1)
        lengths = torch.ones(len(state.texts), dtype=torch.int64)
        return DecoderOutput(probabilities.log(), hidden, lengths, attention)
