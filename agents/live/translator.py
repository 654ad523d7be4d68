"""An agent in memory that translates any number of sources while they are heard."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from agents.configuration.agent_configuration import AgentConfiguration
from agents.configuration.agent_engine import load_engine
from agents.glossary import told_tokens
from agents.live.play import play
from agents.live.stream import TranslationStream
from agents.live.word import Word
from agents.stream.decision import Decision
from agents.stream.state import StreamState
from foundation.errors import InputError
from models.languages import LanguagePair, check_language_name
from models.sound.audio_source import open_source


class LiveTranslator:
    """One model with one policy, as `simulst.load` makes it. Streams share it; each has its own languages."""

    def __init__(self, configuration: AgentConfiguration, with_times: bool = False) -> None:
        """with_times: words say where in the audio they were heard, which costs the computation of attention.

        Raises InputError as `load_engine`.
        """
        self.chunk_ms = configuration.agent_options.chunk_ms
        """So much audio comes between two decisions."""
        self.languages = configuration.languages
        """Of streams that ask for no others."""
        self.with_times = with_times
        """Whether words say where in the audio they were heard."""
        self._policy = configuration.policy
        self._engine = load_engine(configuration)
        self._one_step = threading.Lock()

    def open(
        self,
        source_language: str | None = None,
        target_language: str | None = None,
        context: str | None = None,
    ) -> TranslationStream:
        """A stream that is fed by hand; without languages or context it has those of the translator.

        context: names and terms that may be said, one a line, or sentences; "" tells nothing. Raises
        InputError for languages that the model cannot do, and a context where its prompt has no place for it.
        """
        source = self.languages.source if source_language is None else source_language
        target = self.languages.target if target_language is None else target_language
        for language in (source, target):
            check_language_name(language)
        languages = LanguagePair(source, target)
        if not isinstance(context, str | None):
            raise InputError(f"a context must be a text of names and terms, got {context!r:.100}")
        glossary = None if context is None else told_tokens(self._engine.translator, context)
        state = self._engine.open_stream(self._policy, languages, glossary=glossary)
        decode = self._engine.translator.tokenizer.decode
        return TranslationStream(state, self._step, decode, self.chunk_ms, self.with_times)

    def stream(
        self,
        source: str | Path | BinaryIO,
        *,
        source_language: str | None = None,
        target_language: str | None = None,
        context: str | None = None,
        realtime: bool = False,
    ) -> Iterator[Word]:
        """Translate a recording, and give each word once it is written.

        source: a file of any format that libsndfile or FFmpeg reads, an open binary stream, or "-" for
        standard input. It is decoded as it is needed, and may last hours. context: as in `open`. realtime:
        no faster than it would be spoken.

        Words and times are those of SimulEval's agent with the same options, `history` among them. Raises
        InputError: at once for a source that cannot be opened, and as `open`; where it is damaged or cut off,
        after the words of what comes before.
        """
        opened, stream = open_source(source), self.open(source_language, target_language, context)
        return (word for words in play(opened, stream, realtime) for word in words)

    def _step(self, state: StreamState) -> Decision:
        """What one stream does with the audio that it has heard. One step at a time, whoever asks."""
        with self._one_step:
            [decision] = self._engine.step([state], with_scores=True, with_times=self.with_times)
        return decision
