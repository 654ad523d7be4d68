"""The peer: the whole window is encoded and decoded from scratch at every chunk, as SimulStreaming does.

What it shares with ours are the weights, the network's code, the tokenizer, the precision and the threads.
At each chunk the last 30 s of audio or less are padded with silence to Whisper's window of 30 s; features,
encoder and the prefix, which is the text written for the audio that is still there, are computed anew; then
tokens are decoded greedily until one attends to the newest frames (AlignAtt) or the text ends, and all but
the last, incomplete word is written; at the last chunk all of it is. Once the audio is longer than 30 s its
oldest chunk is forgotten, and the text that was written at it becomes the prompt, in so many tokens as the
decoder has room for.

Left out of SimulStreaming, in the peer's favour: beams, the normalised and filtered attention, the model of
word ends, and that a chunk's text never ends with its first token. It decodes every chunk, as SimulStreaming
does without its optional voice activity detector.
"""

from collections import deque

import numpy as np
import torch

from models.decoding.units import complete_units
from models.languages import LanguagePair
from models.sound.audio import SAMPLE_RATE
from models.translator import Translator

MOST_NEW_TOKENS = 32  # a chunk; ours has the same limit
SPARE_TOKENS = 20  # that the prompt leaves free at least, as SimulStreaming's does


class Redecoding:
    """One stream of the peer."""

    def __init__(self, translator: Translator, languages: LanguagePair, recent_frames: int) -> None:
        """translator: a Whisper whose trailing silence fills its window; recent_frames: AlignAtt's f."""
        self._translator = translator
        self._prompt = translator.tokenizer.prompt(languages.source, languages.target)
        self._units_started = translator.tokenizer.units_started(False)
        self._recent_frames = recent_frames
        self._window_samples = int(translator.maximum_audio_ms * SAMPLE_RATE / 1000)
        self._forgotten: list[int] = []  # tokens
        self._pieces: deque[tuple[np.ndarray, list[int]]] = (
            deque()
        )  # chunks, each with the tokens written at it

    def step(self, samples: np.ndarray, finished: bool = False) -> str:
        """Hear a chunk (S,); returns the text of the words that are new. finished: it is the last one."""
        tokens: list[int] = []
        self._pieces.append((samples, tokens))
        while sum(len(heard) for heard, _ in self._pieces) > self._window_samples:
            self._forgotten += self._pieces.popleft()[1]
        memory = self._translator.encode([np.concatenate([heard for heard, _ in self._pieces])])
        found, next_token = self._decode(memory, self._prefix(), finished)
        tokens += found if finished else found[: complete_units(found, next_token, self._units_started)]
        return self._translator.tokenizer.decode(tokens)

    def _prefix(self) -> list[int]:
        tokens = [*self._prompt, *(token for _, some in self._pieces for token in some)]
        # One of them marks the prompt.
        room = self._translator.maximum_tokens - SPARE_TOKENS - len(tokens) - 1
        context = self._forgotten[-room:] if room > 0 else []
        return [*self._translator.tokenizer.context_prompt(context), *tokens]

    def _decode(self, memory, prefix: list[int], finished: bool) -> tuple[list[int], int]:
        """The new tokens, and the one before which the decoding stopped."""
        translator, found = self._translator, []
        newest = int(memory.heard_frames[0]) - self._recent_frames
        most = min(MOST_NEW_TOKENS, translator.maximum_tokens - len(prefix))
        state, output = translator.start(memory, [prefix], with_attention=True)
        while True:
            token = int(output.log_probabilities[0].argmax())
            heard = output.attention[0, : int(memory.heard_frames[0])]
            attends_to_newest = not finished and int(heard.argmax()) >= newest
            if token == translator.tokenizer.end_of_sequence or attends_to_newest or len(found) >= most:
                return found, token
            found.append(token)
            output = translator.step(state, torch.tensor([token], device=translator.device))
