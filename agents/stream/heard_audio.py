"""The audio of one source: from the pieces that it delivers to what a translator encodes.

Any number of streams (policies over one utterance) may listen to one `HeardAudio`; they decide at the same
times. When a decision is due is written here, once, for SimulEval's agents, the simulator and servers.

A source without end is heard in *utterances*, which a pause ends, and no more than a window of it at once.
What does not belong to the present utterance, or does not fit, waits until the streams have decided.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from foundation.errors import InputError
from models.sound.audio import SAMPLE_RATE, AudioIntake
from models.sound.speech_activity import SharedListening, SpeechActivity, SpeechActivityOptions
from models.translator import AudioStream

# For sample rates of which a chunk is no whole number of samples.
TOLERANCE_MS = 0.5
# Speech begins softly: so much audio before it belongs to an utterance.
LEAD_MS = 200.0
# So much of what waits is looked at for speech at once: not hours of it, when the window holds seconds.
LISTENED_SAMPLES = SAMPLE_RATE


@dataclass(frozen=True)
class Cuts:
    """Where a source is cut. Times are in ms; without them it is one utterance of any length."""

    pause_ms: float | None = None  # so much silence ends an utterance
    window_ms: float | None = None  # so much audio is heard at once at most


class HeardAudio:
    """What has been heard of one source. All times are in ms from the start of the source."""

    def __init__(
        self,
        open_sound: Callable[[], AudioStream],
        speech: SpeechActivityOptions | None = None,
        cuts: Cuts | None = None,
        listening: SharedListening | None = None,
    ) -> None:
        """open_sound: makes a fresh stream of the translator that is to encode it.

        speech: what counts as speech; without it, or where silence shall be decoded, all audio does.
        listening: with others, who hear the same source at other times.
        """
        self._open_sound = open_sound
        self._own_sound = open_sound()
        self._begun_ms = 0.0  # where the utterance began
        self._changes = 0  # of its own sound
        self._equal: tuple[HeardAudio, int, int] | None = None  # who has heard the same, and changes of both
        self._speech = None
        if speech is not None and not speech.decode_silence:
            self._speech = SpeechActivity(speech, None if listening is None else listening.open_listener())
        self.cuts = Cuts() if cuts is None else cuts
        self.heard_ms = 0.0  # source audio that has arrived
        self.start_ms = 0.0  # audio before it has been forgotten
        self.utterance_ended = False  # all of it has been heard: `next_utterance` goes on
        self.error: InputError | None = None  # why this source cannot be heard any further
        self.listeners = 0  # streams
        self.listened_ms = (
            0.0  # what had been heard when its sound was asked last (`agents.stream.listening`)
        )
        self._source_finished = False  # no more audio will come
        self._intake = AudioIntake()
        self._waiting = np.zeros(0, np.float32)  # samples at 16 kHz that are not in `sound` yet
        self._position = 0  # samples before those that wait
        self._listened = 0  # samples of those that wait of which it is known whether they are speech
        self._decided_ms = 0.0

    def append(self, content: Any, sample_rate: float | None, finished: bool = False) -> None:
        """Hear one piece, in any form that `AudioIntake.push` takes.

        Audio that cannot be used is remembered as `error`: it ends no streams but those of this source.
        """
        self._source_finished = self._source_finished or finished
        if self.error is not None:
            return
        try:
            samples = self._intake.push(content, sample_rate, finished)
            # What is encoded is shorter by the resampler's delay until the end is there.
            self.heard_ms += 1000 * len(content) / sample_rate if len(content) else 0.0
        except InputError as error:
            self.error = error
            return
        if len(samples):
            self._waiting = np.concatenate([self._waiting, samples])
        self._hear()

    @property
    def finished(self) -> bool:
        """Whether all audio of the source has been heard, and no more will come."""
        return self._source_finished and (self.error is not None or not len(self._waiting))

    @property
    def full(self) -> bool:
        """Whether audio waits because the window holds no more."""
        return len(self._waiting) > 0 and self._in_utterance and not self.utterance_ended

    @property
    def now_ms(self) -> float:
        """Up to here streams can decide now: what has been heard and does not wait."""
        return self.heard_ms - 1000 * len(self._waiting) / SAMPLE_RATE

    @property
    def sound(self) -> AudioStream:
        """What is encoded: its own, or that of another who has heard the same (`share`)."""
        if self._equal is not None:
            other, changes, other_changes = self._equal
            if (self._changes, other._changes) == (changes, other_changes):
                return other._own_sound
            self._equal = None
        return self._own_sound

    @property
    def window_ms(self) -> float:
        """How long the audio is that can be encoded: it has been heard and is not forgotten."""
        return self._own_sound.duration_ms

    @property
    def speech_ms(self) -> float:
        """Time in the window in which somebody spoke, pauses left out."""
        return self.now_ms - self.start_ms if self._speech is None else self._speech.speech_ms

    def may_say_more(self, decoded_ms: float) -> bool:
        """Whether decoding could find anything that was not there to be heard at decoded_ms.

        Not before anybody has spoken, and no more once the pause behind the last speech is known; at the end
        of the audio once again.
        """
        if self._speech is None:
            return True
        ends = self.finished or self.utterance_ended
        return self._speech.any_speech and (ends or self._speech.may_say_more(decoded_ms))

    def is_due(self, chunk_ms: float) -> bool:
        """Whether to decide now: a chunk has arrived since the last decision, or the audio has ended."""
        return self._source_finished or self.heard_ms - self._decided_ms >= chunk_ms - TOLERANCE_MS

    def mark_decided(self) -> None:
        """What has been heard by now has been decided upon."""
        self._decided_ms = self.heard_ms

    def drop_before(self, ms: float) -> None:
        """Forget audio before `ms`; by less than a feature frame less, since frames are forgotten whole."""
        if ms > self.start_ms:
            self.start_ms += self._own_sound.drop_before(ms - self.start_ms)
            self._changes += 1
            if self._speech is not None:
                self._speech.forget_before(self.start_ms)
            self._hear()

    def next_utterance(self) -> None:
        """Forget the utterance that has ended; the next one begins where somebody speaks again."""
        self.utterance_ended = False
        self._own_sound = self._open_sound()
        self._changes += 1
        self.listened_ms = 0.0
        self._begin_at(self._position)
        self._hear()

    def share(self, other: "HeardAudio") -> None:
        """Both have heard the same samples of one source: until one of them changes they are encoded once."""
        self._equal = None if other is self else (other, self._changes, other._changes)

    @property
    def _in_utterance(self) -> bool:
        """Whether the window has begun; where pauses cut, that is when somebody speaks."""
        return self.cuts.pause_ms is None or self._speech is None or self._own_sound.duration_ms > 0

    def _hear(self) -> None:
        """Let the window have what belongs to the present utterance, as far as there is room."""
        if self.utterance_ended or not (self._in_utterance or self._begin()):
            return
        room = len(self._waiting)
        if self.cuts.window_ms is not None:
            room_ms = self.cuts.window_ms - self._own_sound.duration_ms
            room = min(room, max(0, int(room_ms * SAMPLE_RATE / 1000)))
        left = None
        if self._speech is not None:
            left = self._samples_left()
            while left is None and self._listened < room and self._listen():
                left = self._samples_left()
        if left is not None and left <= room:
            self.utterance_ended, room = True, left
        if room:
            self._own_sound.append(self._waiting[:room])
            self._changes += 1
            self._pass(room)

    def _samples_left(self) -> int | None:
        """How many of the samples that wait belong to the present utterance, once its end is known."""
        if self.cuts.pause_ms is None:
            return None
        passed_ms = 1000 * self._position / SAMPLE_RATE
        end_ms = self._speech.utterance_end(self._begun_ms, passed_ms, self.cuts.pause_ms)
        return None if end_ms is None else max(0, int(end_ms * SAMPLE_RATE / 1000) - self._position)

    def _begin(self) -> bool:
        """Leave out what waits before the next speech. Returns whether there is any."""
        begin_ms = None
        while begin_ms is None:
            begin_ms = self._speech.begin_after(1000 * self._position / SAMPLE_RATE)
            silent_to_ms = self._speech.undecided_ms if begin_ms is None else begin_ms
            self._begin_at(int((silent_to_ms - LEAD_MS) * SAMPLE_RATE / 1000))
            if begin_ms is None and not self._listen():
                if self._source_finished:
                    self._begin_at(self._position + len(self._waiting))
                return False
        return True

    def _begin_at(self, position: int) -> None:
        """The window begins at sample `position`, if that is not passed; what waits before is left out."""
        self._pass(max(0, position - self._position))
        self.start_ms = self._begun_ms = 1000 * self._position / SAMPLE_RATE
        if self._speech is not None:
            self._speech.forget_before(self.start_ms)

    def _listen(self) -> bool:
        """Look for speech in some more of what waits. Returns whether there was any more."""
        samples = self._waiting[self._listened : self._listened + LISTENED_SAMPLES]
        if len(samples):
            self._speech.append(samples)
            self._listened += len(samples)
        return len(samples) > 0

    def _pass(self, samples: int) -> None:
        """So many of the samples that wait need wait no longer."""
        self._waiting = self._waiting[samples:]
        self._listened = max(0, self._listened - samples)
        self._position += samples
