"""What counts as speech."""

from dataclasses import dataclass

from foundation.errors import InputError
from foundation.options import check_options, option


@dataclass(frozen=True)
class SpeechActivityOptions:
    """What counts as speech; nothing is written before somebody speaks."""

    decode_silence: bool = option(
        False, "All audio is decoded, also where nobody speaks: silence may make words."
    )
    speech_begins: float = option(
        0.5, "Somebody speaks from this probability of speech on.", at_least=0.01, at_most=0.99
    )
    speech_ends: float = option(
        0.35, "Nobody speaks any more below this probability of speech.", at_least=0.01, at_most=0.99
    )
    # Chords and hum are taken for speech for less than this, short words ("Hey!") for more.
    least_speech_ms: int = option(
        250, "After silence, less speech than this in a piece is noise.", at_least=0, at_most=60_000
    )
    pause_ms: int = option(600, "Speech is over after this much silence.", at_least=0, at_most=600_000)

    def __post_init__(self) -> None:
        check_options(self)
        if self.speech_ends > self.speech_begins:
            raise InputError(
                "speech must end at a probability no higher than it begins at, got ends "
                f"{self.speech_ends:g} and begins {self.speech_begins:g}"
            )
