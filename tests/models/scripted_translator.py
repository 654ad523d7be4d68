"""A translator whose every probability is known: a pure function of the audio and the tokens so far."""

import hashlib
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from models.sound.audio import SAMPLE_RATE
from models.translator import DecoderOutput, DecoderState, Memory, Translator, frame_ends

END = 0
FRAME_MS = 20.0


class ScriptedTokenizer:
    """Token 0 ends; tokens from 1 on are letters; upper-case ones begin a word."""

    end_of_sequence = END
    letters = "_AbCdEfGhIjKlMnOpQrStUvWxYz"

    def __init__(self, vocabulary_size: int) -> None:
        self.vocabulary_size = vocabulary_size

    def language_code(self, language: str) -> str:
        return language

    def prompt(self, source_language: str, target_language: str) -> list[int]:
        return []

    def context_prompt(self, context: Sequence[int]) -> list[int]:
        return []

    def decode(self, tokens: Sequence[int]) -> str:
        text = "".join(self.letters[token] for token in tokens if token != END)
        return "".join(" " + letter if letter.isupper() else letter for letter in text).strip()

    def units_started(self, character_units: bool) -> Tensor:
        letters = self.letters[: self.vocabulary_size]
        return torch.tensor(
            [int(letter != "_" and (character_units or letter.isupper())) for letter in letters]
        )


class ScriptedStream:
    def __init__(self) -> None:
        self.samples = 0

    def append(self, samples) -> None:
        self.samples += len(samples)

    def drop_before(self, ms: float) -> float:
        frames = int(ms // FRAME_MS)
        self.samples -= int(frames * FRAME_MS * SAMPLE_RATE / 1000)
        return frames * FRAME_MS

    @property
    def duration_ms(self) -> float:
        return 1000 * self.samples / SAMPLE_RATE


class ScriptedState(DecoderState):
    def __init__(self, texts: list[list[int]], frames: list[int]) -> None:
        self.texts = texts
        self.frames = frames

    def select(self, rows: Tensor) -> None:
        self.texts = [[*self.texts[row]] for row in rows.tolist()]
        self.frames = [self.frames[row] for row in rows.tolist()]


def scripted_memory(frames: Tensor) -> Memory:
    """Of streams that have heard frames (B,)."""
    ends_ms = frame_ends(len(frames), int(frames.max()), FRAME_MS, frames.device)
    return Memory(torch.zeros(*ends_ms.shape, 1), frames, frames, ends_ms)


class ScriptedTranslator(Translator):
    """`log_probabilities(frames heard, tokens) -> (V,)` is the whole model."""

    maximum_audio_ms = None
    maximum_tokens = 60
    device = torch.device("cpu")

    def __init__(
        self, log_probabilities: Callable[[int, Sequence[int]], Tensor], vocabulary_size: int
    ) -> None:
        super().__init__()
        self.log_probabilities = log_probabilities
        self.tokenizer = ScriptedTokenizer(vocabulary_size)
        self.encoded = 0  # streams encoded so far
        self.steps = 0

    def open_stream(self, whole: bool = False) -> ScriptedStream:
        return ScriptedStream()

    def encode_streams(self, streams) -> Memory:
        self.encoded += len(streams)
        frames = torch.tensor([int(stream.duration_ms / FRAME_MS) for stream in streams])
        return scripted_memory(frames)

    def start(self, memory, prefixes, listens_to=None, with_attention=False):
        places = range(len(prefixes)) if listens_to is None else listens_to
        state = ScriptedState(
            [[*prefix] for prefix in prefixes], [int(memory.heard_frames[at]) for at in places]
        )
        return state, self._predict(state, int(memory.heard_frames.max()))

    def step(self, state, tokens):
        self.steps += 1
        for text, token in zip(state.texts, tokens.tolist(), strict=True):
            text.append(token)
        return self._predict(state, max(state.frames))

    def _predict(self, state: ScriptedState, frames: int) -> DecoderOutput:
        rows = zip(state.frames, state.texts, strict=True)
        log_probabilities = torch.stack([self.log_probabilities(heard, text) for heard, text in rows])
        hidden = torch.tensor([[[float(len(text))]] for text in state.texts])
        # Token n listens to frame 4 n: alignment is a straight line.
        attention = torch.zeros(len(state.texts), max(frames, 1))
        for row, text in enumerate(state.texts):
            attention[row, min(4 * len(text), state.frames[row] - 1)] = 1.0
        return DecoderOutput(
            log_probabilities, hidden, torch.ones(len(state.texts), dtype=torch.int64), attention
        )


def random_script(seed: int, vocabulary_size: int, sharpness: float = 2.0):
    """Log-probabilities drawn anew for every (frames, tokens), the same each time they are asked for."""

    def log_probabilities(frames: int, tokens: Sequence[int]) -> Tensor:
        key = repr((seed, frames, list(tokens))).encode()
        generator = torch.Generator().manual_seed(int.from_bytes(hashlib.sha256(key).digest()[:6], "big"))
        return (sharpness * torch.randn(vocabulary_size, generator=generator)).log_softmax(-1)

    return log_probabilities


def fixed_script(sentence: Sequence[int], vocabulary_size: int, tokens_per_frame: float):
    """Speaks `sentence` as far as it has been heard, then ends. Confident: probability 0.9."""

    def log_probabilities(frames: int, tokens: Sequence[int]) -> Tensor:
        place = len(tokens)
        heard = min(len(sentence), int(frames * tokens_per_frame))
        likely = sentence[place] if place < heard else END
        probabilities = torch.full((vocabulary_size,), 0.1 / (vocabulary_size - 1))
        probabilities[likely] = 0.9
        return probabilities.log()

    return log_probabilities
