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
    prompt: tuple[
        int, ...
    ]  # what every hypothesis starts with: languages, and context where a model knows it
    character_units: bool  # the language written is counted in characters
    policy: Policy
    policy_memory: Any
    glossary: tuple[int, ...] = ()  # tokens of words that the user expects
    text: TextWindow = field(default_factory=TextWindow)
    draft: tuple[int, ...] = ()  # what the last hypothesis said behind the committed text
    previews: bool = False  # the draft is shown, and goes on where the policy stopped the search
    units_written: int = 0  # words, or characters, of the committed text
    decided_ms: float = 0.0  # audio that had been heard when it was decided upon last
    closing: bool = False  # its last decision was upon the end of an utterance
    decoded_ms: float = 0.0  # audio that had been heard when it was decoded last
    decoded_changes: int = 0  # of a sound that recognises in steps, when it was decoded last
    wrote_ms: float = 0.0  # audio that had been heard when it wrote last, or began anew
    makes_room: bool = False  # the window is full of what its policy holds back
    error: Exception | None = None  # of its policy, whose memory can be trusted no more

    def view(self) -> StreamView:
        """What its policy may know about it."""
        heard_ms = self.audio.now_ms - self.audio.start_ms
        return StreamView(heard_ms, self.units_written, self.text.committed, self.policy_memory)

    @property
    def closes(self) -> bool:
        """Whether everything left is written now: the audio has ended, or an utterance of it."""
        return self.audio.finished or self.audio.utterance_ended

    @property
    def goes_on(self) -> bool:
        """Whether there is more to decide upon than the last decision knew."""
        if self.error is not None or self.audio.error is not None:
            return False
        return self.makes_room or self.audio.utterance_ended or self.audio.now_ms > self.decided_ms

    def begin_anew(self) -> None:
        """An utterance has ended: nothing of it is in the search any more."""
        self.text.begin_anew()
        self.wrote_ms = self.audio.now_ms
        self.draft = ()
        self.decoded_changes = 0
        self.units_written = 0
        self.policy_memory = self.policy.open_memory()
        self.makes_room = False

    def expect(self, hypothesis: Hypothesis, written: int, end: int) -> None:
        """So many of its tokens have been written: the others are likely to come next. end: of sequence."""
        next_token = () if hypothesis.next_token == end else (hypothesis.next_token,)
        self.draft = (*hypothesis.tokens[written:], *next_token)

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

    def ask_commit(self, hypothesis: Hypothesis, policy: Policy | None = None) -> int:
        """`Policy.commit`, of its own policy or another; raises ValueError for what is no count of tokens."""
        policy = self.policy if policy is None else policy
        count, tokens = policy.commit(hypothesis, self.view()), len(hypothesis.tokens)
        if not isinstance(count, Integral) or not 0 <= count <= tokens:
            name = f"commit of {type(policy).__name__}"
            raise ValueError(f"{name} must return how many of {tokens} tokens to write, got {count!r}")
        return count
