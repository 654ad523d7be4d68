"""One client's speech, from its first piece to its end: what is taken in, what is refused, and why.

A stream that cannot go on says so in one message, is forgotten (its memory returns), and refuses all that
comes after with the same message. Whatever one client does, the streams of others go on.
"""

import threading
import time

import numpy as np

from agents.stream.state import StreamState
from foundation.errors import InputError
from models.sound.audio import SAMPLE_RATE
from serve.asked_languages import AskedLanguages, Side
from serve.served_agent import ServedAgent


class LiveStream:
    """One utterance, talk or session. Its calls may come from any thread; they are taken one by one."""

    silence_limit_s = 3600.0  # a client that has sent nothing for so long is gone

    def __init__(self, agent: ServedAgent) -> None:
        self.agent = agent
        self.languages = AskedLanguages(agent)
        self._stream: StreamState | None = None  # from the first audio to the end
        self._over: str | None = None  # why nothing more is taken
        self._has_written = False
        self._heard_at_s = 0.0  # by the clock `time.monotonic`
        self._one_call = threading.Lock()

    def set_language(self, side: Side, language: str) -> None:
        """Ask for a language, as a code or an English name, before the first audio.

        Raises InputError for one that the model does not know: the audio is refused, too, unless a known one
        is asked for before it. Whether the model can do the pair is known with the first audio. In mid-stream
        InputError is raised for any language but the stream's own, in which it goes on.
        """
        with self._one_call:
            self._check_open()
            self.languages.ask(side, language, in_mid_stream=self._stream is not None)

    def hear(self, samples: np.ndarray) -> str:
        """samples (n,) float32 at 16 kHz -> the text that is new; mostly none before a whole chunk is there.

        Raises InputError for audio that cannot be used, languages that the model cannot do, and audio that
        comes after the end or too late.
        """
        with self._one_call:
            self._check_open()
            try:
                stream = self._stream = self._listening()
                stream.audio.append(samples, SAMPLE_RATE)
                if stream.audio.error is not None:
                    raise stream.audio.error
                return self._write(stream) if stream.audio.is_due(self.agent.chunk_ms) else ""
            except Exception as error:
                self._forget(f"this stream has stopped: {error}")
                raise

    def end(self) -> str:
        """The rest of the text; the stream is forgotten. Raises InputError where it has ended already."""
        with self._one_call:
            self._check_open()
            stream = self._stream
            if stream is None:
                self._forget("the stream has ended without any audio: begin a new one")
                return ""
            try:
                stream.audio.append([], None, finished=True)
                return self._write(stream)
            finally:
                self._forget("the stream has ended, yet more is asked of it: begin a new one")

    def _listening(self) -> StreamState:
        """The stream, opened by the first audio."""
        now_s = time.monotonic()
        silent_s, self._heard_at_s = now_s - self._heard_at_s, now_s
        if self._stream is None:
            self.languages.check()
            return self.agent.open_stream(self.languages.pair)
        if silent_s > self.silence_limit_s:
            raise InputError(
                f"nothing came for {silent_s:.0f} s, more than {self.silence_limit_s:g} s: begin a new stream"
            )
        return self._stream

    def _write(self, stream: StreamState) -> str:
        decision = self.agent.engine.step(stream)
        if decision.error is not None:
            raise decision.error
        # Some tokenizers put a space in front of a text's first word.
        text = decision.text if self._has_written else decision.text.lstrip()
        self._has_written = self._has_written or bool(text)
        return text

    def _check_open(self) -> None:
        if self._over is not None:
            raise InputError(self._over)

    def _forget(self, reason: str) -> None:
        # The message only: an exception would hold all that was there when it was raised.
        self._over = reason
        self._stream = None
