"""The sound of a cascade: a recogniser listens to it, and what it commits is the text to be translated."""

import numpy as np

from agents.engine import StreamingEngine
from agents.live.written_words import written_words
from agents.policy import Policy
from agents.stream.decision import Decision
from models.languages import LanguagePair
from models.sound.audio import SAMPLE_RATE
from models.text_translation.source_text import SourceText


class RecognisedStream:
    """An AudioStream that hands its audio to a stream of the recogniser."""

    def __init__(
        self, recogniser: StreamingEngine, policy: Policy, languages: LanguagePair, whole: bool = False
    ) -> None:
        """policy: by which the recogniser writes. languages: of the translation.

        whole: it is asked only once it has heard everything.

        Raises InputError where the recogniser cannot transcribe the language that is spoken.
        """
        spoken = LanguagePair(languages.source, languages.source)
        audio = recogniser.open_audio(whole or policy.hears_whole)
        self.state = recogniser.open_stream(policy, spoken, audio)
        self.text = SourceText(languages)
        self.error: Exception | None = None
        self._recogniser = recogniser
        self._whole = whole
        self._has_written = False
        # What the recogniser knew when it decided last: not what it knew in a step that has failed.
        self._decided_ms = 0.0
        self._decided_on_all = False

    @property
    def changes(self) -> int:
        """Of the text; 0: nothing has been understood yet."""
        return self.text.changes if self.text.text else 0

    @property
    def duration_ms(self) -> float:
        return self.state.audio.window_ms

    def append(self, samples: np.ndarray) -> None:
        """samples: (n,) float32, mono, 16 kHz."""
        self.state.audio.append(samples, SAMPLE_RATE)

    def has_more(self, ended: bool) -> bool:
        """Whether the recogniser has something to decide upon; ended: no more audio will come."""
        audio = self.state.audio
        ends_now = ended and not self._decided_on_all
        if ends_now and not audio.finished:
            audio.append([], None, finished=True)
        new = audio.now_ms > self._decided_ms and not self._whole
        return self.error is None and (ends_now or new)

    def take(self, decision: Decision) -> None:
        """What the recogniser has decided: words with their times, or why it cannot go on."""
        self.error = decision.error
        self._decided_ms, self._decided_on_all = self.state.decided_ms, self.state.audio.finished
        decode = self._recogniser.translator.tokenizer.decode
        for word in written_words(decision, decode, with_times=True, is_first=not self._has_written):
            heard_s = word.written_s if word.heard_s is None else word.heard_s
            self.text.add(word.text if word.continues else f" {word.text}", 1000 * heard_s)
            self._has_written = True

    def drop_before(self, ms: float) -> float:
        """Forget the words that ended before, and their audio; returns how much audio that was, in ms.

        It may be somewhat more than `ms`, up to the first word that stays.
        """
        audio, before_ms = self.state.audio, self.state.audio.start_ms
        self._recogniser.history.forget_before(self.state, before_ms + ms)
        self.text.forget_before(before_ms + ms, audio.start_ms)
        return audio.start_ms - before_ms
