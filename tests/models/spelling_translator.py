"""A translator that reads what its audio spells: a letter is 80 ms of one value with 20 ms of nothing behind.

So text and audio that do not belong together any more show at once: what was said before a cut is then
written twice, or not at all.
"""

import numpy as np
import torch

from models.sound.audio import SAMPLE_RATE
from models.translator import DecoderOutput, Memory, frame_ends
from tests.models.scripted_translator import (
    END,
    FRAME_MS,
    ScriptedState,
    ScriptedTokenizer,
    ScriptedTranslator,
)

FRAME = int(FRAME_MS * SAMPLE_RATE / 1000)
LETTER_FRAMES = 5


class SpellingTokenizer(ScriptedTokenizer):
    """Upper-case letters begin words; a dot ends a sentence."""

    letters = "_AbCdEfGhIjKl."


def spelled(text: str) -> np.ndarray:
    """The audio of a text without spaces: a letter takes 100 ms, a space is 100 ms of silence."""
    letters = []
    for letter in text:
        value = 0.0 if letter == " " else SpellingTokenizer.letters.index(letter) / 100
        letters += [np.full((LETTER_FRAMES - 1) * FRAME, value), np.zeros(FRAME)]
    return np.concatenate(letters).astype(np.float32)


class SpellingStream:
    def __init__(self) -> None:
        self.samples = np.zeros(0, np.float32)

    def append(self, samples) -> None:
        self.samples = np.concatenate([self.samples, samples])

    @property
    def duration_ms(self) -> float:
        return 1000 * len(self.samples) / SAMPLE_RATE

    def drop_before(self, ms: float) -> float:
        frames = min(int(ms // FRAME_MS), len(self.samples) // FRAME)
        self.samples = self.samples[frames * FRAME :]
        return frames * FRAME_MS


class SpellingTranslator(ScriptedTranslator):
    """Certain of every letter of which it has heard three frames."""

    def __init__(self, maximum_audio_ms: float | None = None) -> None:
        super().__init__(lambda frames, tokens: torch.zeros(0), len(SpellingTokenizer.letters))
        self.tokenizer = SpellingTokenizer(len(SpellingTokenizer.letters))
        self.maximum_audio_ms = maximum_audio_ms
        self.longest_ms = 0.0  # audio that was encoded at once

    def open_stream(self, whole: bool = False) -> SpellingStream:
        return SpellingStream()

    def encode_streams(self, streams) -> Memory:
        self.longest_ms = max(self.longest_ms, *(stream.duration_ms for stream in streams))
        heard = [torch.from_numpy(stream.samples[FRAME // 2 :: FRAME].copy()) for stream in streams]
        lengths = torch.tensor([len(frames) for frames in heard])
        frames = torch.nn.utils.rnn.pad_sequence(heard, batch_first=True)[..., None]
        ends_ms = frame_ends(len(heard), frames.shape[1], FRAME_MS, frames.device)
        return Memory(frames, lengths, lengths, ends_ms)

    def start(self, memory, prefixes, listens_to=None, with_attention=False):
        places = range(len(prefixes)) if listens_to is None else listens_to
        state = ScriptedState([[*prefix] for prefix in prefixes], [memory.frames[at, :, 0] for at in places])
        return state, self._predict(state, memory.frames.shape[1])

    def step(self, state, tokens):
        for text, token in zip(state.texts, tokens.tolist(), strict=True):
            text.append(token)
        return self._predict(state, len(state.frames[0]))

    def _predict(self, state, frames):
        tokens, looked_at = zip(
            *(_next(audio, len(text)) for audio, text in zip(state.frames, state.texts, strict=True)),
            strict=True,
        )
        probabilities = torch.full((len(tokens), self.tokenizer.vocabulary_size), 1e-4)
        probabilities[range(len(tokens)), list(tokens)] = 0.9
        attention = torch.zeros(len(tokens), frames)
        attention[range(len(tokens)), list(looked_at)] = 1.0
        hidden = torch.zeros(len(tokens), 1, 1)
        return DecoderOutput(
            probabilities.log(), hidden, torch.ones(len(tokens), dtype=torch.int64), attention
        )


def _next(audio: torch.Tensor, written: int) -> tuple[int, int]:
    """The letter behind `written` ones, and its first frame; the end, and the last frame."""
    values = (100 * audio).round().int().tolist()
    begins = [at for at, value in enumerate(values) if value and (at == 0 or not values[at - 1])]
    letters = [at for at in begins if values[at : at + 3] == [values[at]] * 3]
    return (values[letters[written]], letters[written]) if written < len(letters) else (END, len(values) - 1)
