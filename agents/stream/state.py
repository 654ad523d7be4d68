"""What an engine remembers about one stream."""

from dataclasses import dataclass, field
from numbers import Integral
from typing import Any

from agents.policy import Policy, StreamView
from agents.stream.heard_audio import HeardAudio
from agents.stream.text_window import TextWindow
from models.decoding.hypotheses import Hypothesis
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
    error: Exception | None = None  # of its policy, whose memory can be trusted no more

    def view(self) -> StreamView:
        """What its policy may know about it."""
        return StreamView(self.audio.heard_ms, self.units_written, self.text.committed, self.policy_memory)

    def ask_units_allowed(self) -> int | None:
        """`Policy.units_allowed`; remembers an error, and raises ValueError for what is no count."""
        try:
            allowed = self.policy.units_allowed(self.view())
            if allowed is not None and (not isinstance(allowed, Integral) or allowed < 0):
                name = f"units_allowed of {type(self.policy).__name__}"
                raise ValueError(f"{name} must return None or a count of 0 or more, got {allowed!r}")
        except Exception as error:
            self.error = error
            raise
        return allowed

    def ask_commit(self, hypothesis: Hypothesis) -> int:
        """`Policy.commit`; raises ValueError for what is no count of the hypothesis' tokens."""
        count, tokens = self.policy.commit(hypothesis, self.view()), len(hypothesis.tokens)
        if not isinstance(count, Integral) or not 0 <= count <= tokens:
            name = f"commit of {type(self.policy).__name__}"
            raise ValueError(f"{name} must return how many of {tokens} tokens to write, got {count!r}")
        return count
