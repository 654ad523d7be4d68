"""The audio of one source: from the pieces that it delivers to what a translator encodes.

Any number of streams (policies over one utterance) may listen to one `HeardAudio`; they decide at the same
times. When a decision is due is written here, once, for SimulEval's agents, the simulator and servers.
"""

from typing import Any

from foundation.errors import InputError
from models.sound.audio import AudioIntake
from models.sound.speech_activity import SpeechActivity, SpeechActivityOptions
from models.translator import AudioStream

# For sample rates of which a chunk is no whole number of samples.
TOLERANCE_MS = 0.5


class HeardAudio:
    """What has been heard of one source. All times are in ms from the start of the source."""

    def __init__(self, sound: AudioStream, speech: SpeechActivityOptions | None = None) -> None:
        """sound: a fresh stream of the translator that is to encode it.

        speech: what counts as speech; without it, or where silence shall be decoded, all audio does.
        """
        self.sound = sound  # what is encoded: its own, or an equal one (`share`)
        self._own_sound = sound
        self._speech = None if speech is None or speech.decode_silence else SpeechActivity(speech)
        self.heard_ms = 0.0  # source audio that has arrived
        self.start_ms = 0.0  # audio before it has been forgotten
        self.finished = False  # no more audio will come
        self.error: InputError | None = None  # why this source cannot be heard any further
        self._intake = AudioIntake()
        self._decided_ms = 0.0

    def append(self, content: Any, sample_rate: float | None, finished: bool = False) -> None:
        """Hear one piece, in any form that `AudioIntake.push` takes.

        Audio that cannot be used is remembered as `error`: it ends no streams but those of this source.
        """
        self.finished = self.finished or finished
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
            self._own_sound.append(samples)
            self.sound = self._own_sound
            if self._speech is not None:
                self._speech.append(samples)

    @property
    def window_ms(self) -> float:
        """How long the audio is that can be encoded: it has been heard and is not forgotten."""
        return self.sound.duration_ms

    @property
    def speech_ms(self) -> float:
        """Time in which somebody has spoken so far, pauses left out."""
        return self.heard_ms if self._speech is None else self._speech.speech_ms

    def may_say_more(self, decoded_ms: float) -> bool:
        """Whether decoding could find anything that was not there to be heard at decoded_ms.

        Not before anybody has spoken, and no more once the pause behind the last speech is known; at the end
        of the audio once again.
        """
        if self._speech is None:
            return True
        return self._speech.any_speech and (self.finished or self._speech.may_say_more(decoded_ms))

    def is_due(self, chunk_ms: float) -> bool:
        """Whether to decide now: a chunk has arrived since the last decision, or the audio has ended."""
        return self.finished or self.heard_ms - self._decided_ms >= chunk_ms - TOLERANCE_MS

    def mark_decided(self) -> None:
        """What has been heard by now has been decided upon."""
        self._decided_ms = self.heard_ms

    def drop_before(self, ms: float) -> None:
        """Forget audio before `ms`; by less than a feature frame less, since frames are forgotten whole."""
        if ms > self.start_ms:
            self.start_ms += self._own_sound.drop_before(ms - self.start_ms)
            self.sound = self._own_sound

    def share(self, other: "HeardAudio") -> None:
        """Both have heard the same samples of one source: until more arrive they are encoded once."""
        self.sound = other.sound
