"""The loop that all policies share: any number of streams take a step with the audio they have heard.

One stream is a SimulEval agent, hundreds are the batched simulator, connected clients are a server. The
result for a stream does not depend on the streams beside it, and neither does its trouble: a stream that
cannot go on gets a `Decision` with an error, its neighbours get their text.

What has been shown is exactly the text of the committed tokens: a word that is not complete yet is
neither shown nor committed, and may still change when more audio has come.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property, lru_cache, partial

from agents.history import History, HistoryOptions
from agents.policy import Policy
from agents.stream.decision import Decision
from agents.stream.heard_audio import HeardAudio
from agents.stream.listening import changes, has_news, knows_nothing, listen
from agents.stream.policy_questions import PolicyQuestions, decides
from agents.stream.policy_scores import PolicyScores
from agents.stream.previews import Previews, stops_early
from agents.stream.state import StreamState
from agents.stream.steps import DueStream, step_together
from agents.stream.token_attention import token_curves, token_times_ms
from foundation.errors import InputError
from models.decoding.hypotheses import Hypothesis
from models.decoding.options import SearchOptions, StreamRequest
from models.decoding.search import StreamingSearch
from models.languages import LanguagePair, counts_characters
from models.sound.speech_activity import SharedListening, SpeechActivityOptions
from models.translator import Memory, Translator


class StreamingEngine:
    """Translator x policies x search, for any language pairs of the model."""

    def __init__(
        self,
        translator: Translator,
        options: SearchOptions,
        speech: SpeechActivityOptions | None = None,
        history: HistoryOptions | None = None,
    ) -> None:
        """speech: what counts as speech in the sources that this engine opens; without it all audio does.

        history: what streams forget. Raises InputError where that does not go with the model, or with speech.
        """
        self.translator = translator
        self.speech = speech
        self.search = StreamingSearch(translator, options)
        self._previews = Previews(translator, options)
        self.history = History(translator, HistoryOptions() if history is None else history, speech)
        self._units = self.history.units

    @property
    def longest_audio_ms(self) -> float | None:
        """No source may be longer; None: any may."""
        return None if self.history.options.endless else self.translator.maximum_audio_ms

    def open_audio(
        self,
        whole: bool = False,
        listening: SharedListening | None = None,
        languages: LanguagePair | None = None,
    ) -> HeardAudio:
        """A source that nothing has been heard of yet.

        whole: of all streams that listen to it the policies `hears_whole`. listening: of the same source.
        languages: of all those streams, for a translator that `hears_in_steps`.
        """
        open_sound = partial(self.translator.open_stream, whole)
        if self.translator.hears_in_steps:
            open_sound = partial(open_sound, languages)
        return HeardAudio(open_sound, self.speech, self.history.cuts, listening)

    def open_stream(
        self,
        policy: Policy,
        languages: LanguagePair,
        audio: HeardAudio | None = None,
        glossary: tuple[int, ...] | None = None,
    ) -> StreamState:
        """A stream that has written nothing yet; it listens to `audio`, or to a source of its own.

        glossary: tokens of the words that are expected (`agents.glossary`); None: those of the options.

        Streams whose history may forget by their own text each need a source of their own.
        Raises InputError when the policy cannot run on this model, or the model cannot do the language pair.
        """
        tokenizer = self.translator.tokenizer
        prompt = tuple(tokenizer.prompt(languages.source, languages.target))
        policy = policy.for_model(self.translator)
        if audio is None:
            audio = self.open_audio(policy.hears_whole, languages=languages)
        audio.listeners += 1
        characters = counts_characters(tokenizer.language_code(languages.target))
        glossary = self.history.glossary if glossary is None else glossary
        stream = StreamState(audio, languages, prompt, characters, policy, policy.open_memory(), glossary)
        stream.prompt = self.history.prompt(stream)
        stream.text.separator = "" if characters else " "
        return stream

    def step(
        self,
        streams: Sequence[StreamState],
        with_scores: bool = False,
        with_times: bool = False,
        with_attention: bool = False,
    ) -> list[Decision]:
        """Decide what each stream does with the audio that it has heard so far.

        Streams that listen to one sound (several policies over the same audio) share its encoding.
        with_scores: decisions say what their policies saw. with_times: each token's time is that of the
        audio it was attended to, which costs the computation of attention. with_attention: decisions say
        where each token looked.
        """
        [decisions] = step_together([(self, streams)], None, with_scores, with_times, with_attention)
        return decisions

    def due(self, streams: Sequence[StreamState]) -> tuple[list[DueStream], list[Decision]]:
        """Returns the streams that may write now, and for each of all streams a decision that writes nothing.

        Asks each policy how much; streams that cannot go on have their error in the decision.
        """
        if len(set(map(id, streams))) < len(streams):
            raise ValueError("a stream takes one step at a time, and it is twice in this one")
        due, waiting = [], []
        for place, stream in enumerate(streams):
            audio = stream.audio
            audio.mark_decided()
            stream.decided_ms = audio.now_ms
            error = None
            try:
                if audio.error is not None or stream.error is not None:
                    raise audio.error or stream.error
                if audio.full and (not audio.may_say_more(audio.now_ms) or knows_nothing(audio)):
                    self.history.end_utterance(audio)  # in silence
                    listen(self.translator, [audio])
                stream.closing = audio.utterance_ended
                limit = self._units_allowed(stream)
                if limit == 0 and audio.full:
                    stream.makes_room = True
                    limit = self._units_allowed(stream)
                wanted = limit != 0 and audio.may_say_more(stream.decoded_ms) and has_news(stream)
                if audio.window_ms > 0 and not knows_nothing(audio) and (wanted or stream.makes_room):
                    self._check(stream)
                    due.append(DueStream(place, stream, limit))
            except Exception as caught:  # of a policy, which may be anybody's
                error = caught
            waiting.append(Decision(audio.heard_ms, error=error))
        return due, waiting

    def decode(
        self,
        due: Sequence[DueStream],
        memory: Memory,
        listens_to: Sequence[int],
        with_scores: bool,
        with_times: bool,
        with_attention: bool = False,
    ) -> list[Decision]:
        """What each due stream decides, which hears row listens_to[r] of `memory`."""
        requests = [
            self._request(one.stream, one.unit_limit, heard)
            for one, heard in zip(due, listens_to, strict=True)
        ]
        look_ahead = self.search.options.look_ahead
        policies = [one.policy for one in due]
        asked = [one.policy for one in due if not one.stream.closes]
        questions = PolicyQuestions(policies, look_ahead, with_scores, with_times, with_attention)
        observes = with_times or with_attention
        found = self.search.find(
            memory,
            requests,
            read=questions.read if any(map(decides, asked)) else None,
            with_attention=observes or any(policy.needs_attention for policy in asked),
            observe=questions.observe if observes else None,
        )
        for one in due:  # now, and not before: a search that failed has decoded nothing
            one.stream.decoded_ms = one.stream.audio.now_ms
            one.stream.decoded_changes = changes(one.stream.audio)
        allowed = found
        if questions.reads is not None:
            reads = questions.reads.of(found)
            allowed = [one.until_read(read) for one, read in zip(found, reads, strict=True)]
        heard = (due, memory, listens_to, questions, found)
        times, curves = token_times_ms(*heard), token_curves(*heard)
        scores = [None] * len(due) if questions.scores is None else questions.scores.of(found)
        decisions = []
        for place, one in enumerate(due):
            heard_ms, error = one.stream.audio.heard_ms, questions.errors.get(place)
            if error is None:
                try:
                    tokens = self._allowed_tokens(one, allowed[place])
                    saw = self._scores(one.stream, len(tokens), found[place], scores[place])
                except Exception as caught:  # of a policy, which may be anybody's
                    error = caught
            if error is not None:
                one.stream.error = error
                decisions.append(Decision(heard_ms, error=error))
                continue
            times_ms = tuple(times[place][: len(tokens)])
            text = self._write(one.stream, tokens, times_ms)
            one.stream.expect(found[place], len(tokens), self.search.end)
            looked = curves[place][: len(tokens) + 1]
            decisions.append(Decision(heard_ms, text, tokens, times_ms, saw, looked))
        asked = [
            (one.stream, self._request(one.stream, None, heard))
            for one, heard, hypothesis in zip(due, listens_to, found, strict=True)
            if stops_early(one.stream, hypothesis, self.search.end)
        ]
        self._previews.draft_on(memory, asked)
        return [
            decision if decision.error is not None else self._forget(one.stream, memory, heard, decision)
            for one, heard, decision in zip(due, listens_to, decisions, strict=True)
        ]

    def _forget(self, stream: StreamState, memory: Memory, heard: int, decision: Decision) -> Decision:
        try:
            self.history.forget(stream, memory, heard)
        except Exception as caught:  # of a policy's memory
            stream.error = caught
        return replace(decision, error=stream.error)

    def _request(self, stream: StreamState, unit_limit: int | None, listens_to: int) -> StreamRequest:
        audio, committed = stream.audio, stream.text.committed
        heard_ms = audio.now_ms - audio.start_ms
        token_limit = self.search.options.token_limit(heard_ms, len(committed), stream.closes)
        return StreamRequest(
            prompt=stream.prompt,
            committed=committed,
            audio_finished=stream.closes,
            token_limit=token_limit,
            unit_limit=unit_limit,
            listens_to=listens_to,
            character_units=stream.character_units,
            draft=stream.draft,
        )

    def _check(self, stream: StreamState) -> None:
        """Raises InputError for a stream that cannot be encoded or decoded any further."""
        window_ms, maximum_ms = stream.audio.window_ms, self.translator.maximum_audio_ms
        if maximum_ms is not None and window_ms > maximum_ms:
            raise InputError(
                f"audio of {window_ms / 1000:.1f} s is longer than the model's window of "
                f"{maximum_ms / 1000:g} s: split it into shorter segments"
            )
        self.search.check(self._request(stream, None, 0))

    def _units_allowed(self, stream: StreamState) -> int:
        """Words, or characters, that a stream may write now: what its policy says, and what can be spoken."""
        spoken = self.search.options.unit_limit(stream.audio.speech_ms, stream.character_units)
        left = max(0, spoken - stream.units_written)
        if stream.closes or stream.makes_room:
            return left
        allowed = stream.ask_units_allowed()
        return left if allowed is None else min(allowed, left)

    def _allowed_tokens(self, one: DueStream, hypothesis: Hypothesis) -> tuple[int, ...]:
        """The tokens of a hypothesis that its policy lets be written, in whole words."""
        stream, tokens, next_token = one.stream, hypothesis.tokens, hypothesis.next_token
        if stream.closes:
            return tokens
        count = stream.ask_commit(hypothesis, one.policy)
        return self._units.whole(stream, tokens[:count], (*tokens, next_token)[count], one.unit_limit)

    def _write(self, stream: StreamState, tokens: tuple[int, ...], times_ms: tuple[float, ...]) -> str:
        """Commit tokens; return the text that they add."""
        if tokens:
            stream.wrote_ms = stream.audio.now_ms
        stream.units_written += self._units.count(stream, tokens)
        return stream.text.write(tokens, times_ms, self.translator.tokenizer.decode)

    def _scores(
        self,
        stream: StreamState,
        written: int,
        hypothesis: Hypothesis,
        values: Sequence[float | None] | None,
    ) -> PolicyScores | None:
        limit = stream.policy.score_limit
        if values is None or limit is None or stream.closes:
            return None
        tokens = tuple(map(self._token_text, hypothesis.tokens))
        return PolicyScores(float(limit), tokens, tuple(values), written)

    @cached_property
    def _token_text(self) -> Callable[[int], str]:
        return lru_cache(maxsize=None)(lambda token: self.translator.tokenizer.decode([token]))
