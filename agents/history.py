"""What a stream forgets, so that speech may go on for hours: nothing, at pauses, or by attention.

*pauses*: a pause ends an utterance. All that is left of it is written, as at the end of audio; the window
starts anew where somebody speaks again, and the text becomes the context of models that know one.

*attention* (StreamAtt, Papi et al. 2024): old text leaves the prefix, and the audio before the earliest frame
that the rest was attended to goes with it. Only long silence ends an utterance.

A window that is full, whatever the reason, is cut by attention, too; where nothing can go, because a policy
holds nearly everything back, what it holds back is written first. So no word is lost, and none written twice.
Where even that does not help, the utterance ends there.

By attention, a stream that has written something, and then nothing for ten seconds of speech, is stuck: a
wrong prefix leads the model astray, so that no two hypotheses agree. It keeps its last word only. By pauses,
the next pause does more.
"""

from dataclasses import dataclass
from pathlib import Path

import torch

from agents.glossary import glossary_tokens, read_glossary
from agents.history_options import HistoryOptions
from agents.policy import Policy, StreamView
from agents.stream.heard_audio import Cuts, HeardAudio
from agents.stream.state import StreamState
from agents.stream.units import UnitCounts
from foundation.errors import InputError
from models.decoding.attended import attended_frames
from models.decoding.hypotheses import Hypothesis
from models.sound.speech_activity import SpeechActivityOptions
from models.translator import Memory, Translator

STRONG_PUNCTUATION = tuple(".!?;:。！？；：…")
LONGEST_TEXT = 128  # tokens that attention keeps at most
# Between a full window and an empty one: words that are kept in it, where that leaves room enough.
KEPT_WORDS = 20
# A model's context of which only so large a share is free is full.
FREE_TEXT = 1 / 8
# A window that was full must have this share of room again.
ROOM = 0.2
# Silence beyond this that a model hears behind its audio need not fit into the window.
DENSE_SILENCE_MS = 5000
# Of a pause, in attention's mode.
LONG_PAUSES = 5
# A stream that writes nothing for so long while somebody speaks is stuck.
STUCK_MS = 10_000


@dataclass(frozen=True)
class MakingRoom(Policy):
    """Stands in for a policy that holds back more than the window has room for."""

    held_tokens: int = 4  # the audio's end may cut the last words short

    def commit(self, hypothesis: Hypothesis, stream: StreamView) -> int:
        return max(0, len(hypothesis.tokens) - self.held_tokens)


class History:
    """What the streams of one engine forget."""

    def __init__(
        self, translator: Translator, options: HistoryOptions, speech: SpeechActivityOptions | None
    ) -> None:
        """Raises InputError for a choice that this model, or the options of speech activity, do not allow."""
        self.options = options
        self.translator = translator
        self.units = UnitCounts(translator.tokenizer)
        # Of streams that bring none of their own.
        self.glossary = ()
        if options.context is not None:
            self.glossary = glossary_tokens(translator, read_glossary(Path(options.context)))
        listens = speech is not None and not speech.decode_silence
        if options.history == "pauses" and not listens:
            raise InputError(
                "history by pauses must hear where nobody speaks: leave out decode_silence, or choose the "
                "history attention"
            )
        pause_ms = None
        if listens and options.history != "none":
            longer = LONG_PAUSES if options.history == "attention" else 1
            pause_ms = options.utterance_pause_ms
            if pause_ms is None:
                pause_ms = longer * speech.pause_ms
            if pause_ms < speech.pause_ms:
                raise InputError(
                    f"utterance_pause_ms {pause_ms} must not be shorter than pause_ms {speech.pause_ms}: "
                    "make that shorter, too"
                )
        hears_ms = translator.maximum_audio_ms
        window_ms = None if options.window_s is None else 1000 * options.window_s
        if window_ms is not None and hears_ms is not None and window_ms > hears_ms:
            raise InputError(
                f"window_s {options.window_s:g} is longer than the model's window of {hears_ms / 1000:g} s"
            )
        self._cuts = Cuts(pause_ms, window_ms)
        if window_ms is None and hears_ms is not None:
            self._cuts = Cuts(pause_ms, hears_ms - min(translator.silence_ms, DENSE_SILENCE_MS))
        # Of a source that nothing has been heard of yet.
        self.cuts = self._cuts
        if options.history is None:
            self.cuts = Cuts(None, hears_ms if window_ms is None else window_ms)
        if options.history == "none":
            self.cuts = Cuts()

    def may_cut(self, source_ms: float) -> bool:
        """Whether a source of such a length may be cut by what its streams have written."""
        longest_ms = self.cuts.window_ms
        return self.options.history == "attention" or (longest_ms is not None and source_ms > longest_ms)

    def prompt(self, stream: StreamState) -> tuple[int, ...]:
        """What every hypothesis of the stream starts with: languages, and before them the context."""
        tokenizer, languages = self.translator.tokenizer, stream.languages
        if stream.glossary:
            pair, written = (languages.source, languages.target), self._context(stream)
            return tuple(tokenizer.glossary_prompt(*pair, stream.glossary, written))
        prompt = tokenizer.prompt(languages.source, languages.target)
        return (*tokenizer.context_prompt(self._context(stream)), *prompt)

    def begin_utterance(self, stream: StreamState) -> None:
        """All that was left of an utterance has been written: the stream forgets it."""
        try:
            stream.begin_anew()
        except Exception as caught:  # of a policy that cannot open a memory
            stream.error = caught
        stream.prompt = self.prompt(stream)

    def end_utterance(self, audio: HeardAudio) -> None:
        """The window is full, and it cannot be cut: all that is left is written as at a pause."""
        audio.cuts = self._cuts
        audio.utterance_ended = True

    def forget(self, stream: StreamState, memory: Memory, place: int) -> None:
        """After a decision: what may leave the prefix of a stream, and its audio, does.

        memory: holds at `place` what the stream has heard. At the end of an utterance all of it goes soon.
        """
        if stream.closes or not self.options.endless:
            return
        if stream.audio.full or self._text_is_full(stream):
            self._make_room(stream, memory, place)
        elif self.options.history == "attention":
            leaving = self._leaving(stream)
            if leaving:
                begins_ms = self._begins_ms(stream, memory, place)
                # What was heard since it wrote last may not be written yet, whatever attention says: that
                # wanders where the model is stuck.
                self._cut(stream, leaving, min(*begins_ms[leaving:], stream.wrote_ms))

    def forget_before(self, stream: StreamState, ms: float) -> None:
        """Forget the whole words that belong to the time before `ms` of the source, and their audio.

        What was attended to most lies within a word, so that audio is cut half-way to the next word. Raises
        InputError where several streams hear it.
        """
        tokens, times_ms = stream.text.committed, stream.text.times_ms
        ends = [*self.units.begins(stream, tokens), len(tokens)]
        leaving = max((end for end in ends if end and max(times_ms[:end]) <= ms), default=0)
        if 0 < leaving < len(tokens):
            ms = max(ms, (max(times_ms[:leaving]) + min(times_ms[leaving:])) / 2)
        self._cut(stream, leaving, ms)

    def _context(self, stream: StreamState) -> list[int]:
        """The newest tokens of the text that has left the prefix, so many words as the options say."""
        words, tokens = self.options.context_words, stream.text.context
        if not words:
            return []
        begins = self.units.begins(stream, tokens)
        return tokens[begins[-words] :] if len(begins) >= words else tokens

    def _is_stuck(self, stream: StreamState) -> bool:
        """Whether it has written something, and then nothing for long though somebody speaks."""
        audio = stream.audio
        return audio.now_ms - stream.wrote_ms >= STUCK_MS and audio.may_say_more(stream.wrote_ms)

    def _text_is_full(self, stream: StreamState) -> bool:
        """Whether the model's context will soon hold no more text."""
        length = len(stream.prompt) + len(stream.text.committed)
        return length > (1 - FREE_TEXT) * self.translator.maximum_tokens

    def _leaving(self, stream: StreamState) -> int:
        """How many of the committed tokens attention forgets; at least a word stays."""
        tokens = stream.text.committed
        begins = [place for place in self.units.begins(stream, tokens) if place]
        if self._is_stuck(stream):
            return max(begins, default=0)
        if self.options.kept_words is not None:
            kept = begins[-self.options.kept_words :]
            leaving = kept[0] if len(kept) == self.options.kept_words else 0
        else:
            decode = self.translator.tokenizer.decode
            sentences = [at for at in begins if decode(tokens[at - 1 : at]).endswith(STRONG_PUNCTUATION)]
            leaving = max(sentences, default=0)
        too_long = len(tokens) - LONGEST_TEXT
        return max(leaving, next((place for place in begins if place >= too_long > 0), 0))

    def _make_room(self, stream: StreamState, memory: Memory, place: int) -> None:
        """Cut a window that is full before some of the newest words, as many as leave room enough."""
        tokens, audio = stream.text.committed, stream.audio
        if self.options.history is None:
            audio.cuts = self._cuts
        longest_ms = audio.window_ms if audio.cuts.window_ms is None else audio.cuts.window_ms
        needed_ms = audio.start_ms + audio.window_ms - (1 - ROOM) * min(longest_ms, audio.window_ms)
        begins_ms = self._begins_ms(stream, memory, place) if tokens else []
        for begin in self.units.begins(stream, tokens)[-KEPT_WORDS:]:
            if begin and min(begins_ms[begin:]) >= needed_ms:
                stream.makes_room = False
                self._cut(stream, begin, min(begins_ms[begin:]))
                return
        if not stream.makes_room:
            stream.makes_room = True  # what the policy holds back is written next
            return
        # The model has next to nothing to say, or looks at the window's beginning all the time.
        self.end_utterance(audio)

    def _begins_ms(self, stream: StreamState, memory: Memory, place: int) -> list[float]:
        """When what each committed token was attended to most begins, in the source."""
        frames = attended_frames(self.translator, memory, place, stream.prompt, stream.text.committed)
        ends_ms = torch.cat([torch.zeros(1), memory.end_ms[place].cpu()])
        return (stream.audio.start_ms + ends_ms[frames]).tolist()

    def _cut(self, stream: StreamState, tokens: int, begin_ms: float) -> None:
        if stream.audio.listeners > 1:
            raise InputError(
                "audio that several streams hear cannot be cut by the text of one: open each stream with a "
                "HeardAudio of its own"
            )
        stream.policy.forget(stream.policy_memory, tokens)
        stream.text.forget(tokens)
        stream.units_written = self.units.count(stream, stream.text.committed)
        stream.prompt = self.prompt(stream)
        stream.audio.drop_before(begin_ms)
