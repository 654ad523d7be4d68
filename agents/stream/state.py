"""What an engine remembers about one stream."""

from dataclasses import dataclass, field
from typing import Any

from agents.policy import Policy, StreamView
from agents.stream.heard_audio import HeardAudio
from agents.stream.text_window import TextWindow
from models.languages import LanguagePair


@dataclass
class StreamState:
    """All that is remembered about one stream."""

    audio: HeardAudio
    languages: LanguagePair
    prompt: tuple[int, ...]  # what every hypothesis of this language pair starts with
    character_units: bool  # the language written is counted in characters
    policy: Policy
    policy_memory: Any
    text: TextWindow = field(default_factory=TextWindow)
    units_written: int = 0  # words, or characters
    decoded_ms: float = 0.0  # audio that had been heard when it was decoded last

    def view(self) -> StreamView:
        """What its policy may know about it."""
        return StreamView(self.audio.heard_ms, self.units_written, self.text.committed, self.policy_memory)
