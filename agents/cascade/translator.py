"""A recogniser and a text translator as one Translator: every policy runs on it as on any other.

The recogniser is an engine of its own with a policy of its own. Before each decision it takes a step with all
streams at once (`agents.stream.listening`), and the words that it commits, each with the time in the audio at
which it ended, are the memory of the text translator: its frames are source tokens. Policies that look at
attention so see which source words a translation rests on, and delays are those of the audio.

Shapes: B streams.
"""

from collections.abc import Sequence

from torch import Tensor

from agents.cascade.recognised_stream import RecognisedStream
from agents.engine import StreamingEngine
from agents.policy import Policy
from foundation.errors import InputError
from models.languages import LanguagePair
from models.text_translation.text_translator import TextTranslator
from models.translator import DecoderOutput, DecoderState, Memory, Reading, Translator


class CascadeTranslator(Translator):
    """Hears by a recogniser, and writes by a translator that reads text."""

    hears_in_steps = True

    def __init__(self, text: TextTranslator, recogniser: StreamingEngine, policy: Policy) -> None:
        """text: a translator that `reads_text`. policy: by which the recogniser writes.

        Raises InputError where text reads audio, or the recogniser reads text, or cannot run its policy.
        """
        if not text.reads_text:
            raise InputError(
                "a recogniser was given, but the model hears audio itself: leave the recogniser out, or give "
                "a --model that translates text"
            )
        if recogniser.translator.reads_text:
            raise InputError("the recogniser reads text: give one that hears, such as openai/whisper-base")
        super().__init__()
        self.text = text
        self.recogniser = recogniser
        self._policy = policy.for_model(recogniser.translator)
        self.tokenizer = text.tokenizer
        self.maximum_tokens = text.maximum_tokens
        self.hidden_width = text.hidden_width
        self.device = text.device
        self.reads_ahead = text.reads_ahead
        hears = recogniser.translator
        self.maximum_audio_ms = hears.maximum_audio_ms
        self.silence_ms = hears.silence_ms
        self.encoded_silence_ms = hears.encoded_silence_ms
        self.bytes_per_audio_s = hears.bytes_per_audio_s

    def open_stream(self, whole: bool = False, languages: LanguagePair | None = None) -> RecognisedStream:
        """Raises InputError without languages, and where the recogniser cannot transcribe the spoken one."""
        if languages is None:
            raise InputError("a cascade must know what is spoken: open its streams by an engine")
        try:
            return RecognisedStream(self.recogniser, self._policy, languages, whole)
        except InputError as error:
            raise InputError(f"the recogniser cannot transcribe {languages.source!r}: {error}") from None

    def listen(self, streams: Sequence[RecognisedStream], ended: Sequence[bool]) -> None:
        asked = [one for one, over in zip(streams, ended, strict=True) if one.has_more(over)]
        decisions = self.recogniser.step([one.state for one in asked], with_times=True) if asked else []
        for stream, decision in zip(asked, decisions, strict=True):
            stream.take(decision)
            try:
                self.text.check_text(stream.text)
            except InputError as error:
                stream.error = stream.error or error

    def encode_streams(self, streams: Sequence[RecognisedStream]) -> Memory:
        return self.text.encode_streams([stream.text for stream in streams])

    def start(
        self,
        memory: Memory,
        prefixes: Sequence[Sequence[int]],
        listens_to: Sequence[int] | None = None,
        with_attention: bool = False,
    ) -> tuple[DecoderState, DecoderOutput]:
        return self.text.start(memory, prefixes, listens_to, with_attention)

    def read(
        self,
        memory: Memory,
        texts: Sequence[Sequence[int]],
        told: Sequence[int],
        listens_to: Sequence[int] | None = None,
        with_attention: bool = False,
    ) -> tuple[DecoderState, Reading]:
        return self.text.read(memory, texts, told, listens_to, with_attention)

    def predict(self, hidden: Tensor) -> Tensor:
        return self.text.predict(hidden)

    def step(self, state: DecoderState, tokens: Tensor) -> DecoderOutput:
        return self.text.step(state, tokens)
