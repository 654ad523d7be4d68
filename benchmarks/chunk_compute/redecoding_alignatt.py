"""AlignAtt by plain re-decoding, as SimulStreaming does it, as an agent of SimulEval."""

from typing import Any

import numpy as np
from simuleval.agents import SpeechToTextAgent
from simuleval.agents.actions import Action, WriteAction

from benchmarks.long_speech.redecoding import Redecoding
from models.languages import LanguagePair
from models.whisper.translator import WhisperTranslator


class RedecodingAgent(SpeechToTextAgent):
    """Everything from the features on is computed anew at every chunk, in a window of 30 s."""

    def __init__(self, translator: WhisperTranslator, languages: LanguagePair, recent_frames: int) -> None:
        """translator: its silence fills the window, and none of its frames is thinned or frozen."""
        self.translator = translator
        self._open = lambda: Redecoding(translator, languages, recent_frames)
        super().__init__()

    def reset(self) -> None:
        super().reset()
        self._stream = self._open()
        self._heard = 0

    def policy(self, states: Any = None) -> Action:
        samples = np.array(self.states.source[self._heard :], dtype=np.float32)
        self._heard = len(self.states.source)
        finished = self.states.source_finished
        return WriteAction(self._stream.step(samples, finished), finished=finished)
