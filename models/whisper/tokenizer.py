"""Whisper's byte-level BPE: text in tokens, prompts, and which tokens are never generated.

A token is a string of bytes that may hold part of a character, so text is put together as bytes.
Above the text tokens lie, in order: end of text, start of transcript, languages, translate,
transcribe, four more, and timestamps up to the end of the vocabulary. Older tokenizer files stop
before the timestamps; they are known by having no entry.

Shapes: V vocabulary.
"""

import shutil
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path

from torch import Tensor

from foundation.errors import InputError
from models.decoding.units import characters_started, words_started
from models.language_pairs import ENGLISH_ONLY_VOCABULARY_SIZE, WhisperPairs
from models.storage.byte_level import token_bytes
from models.storage.tokenizer_files import TOKENIZER, read_tokenizer

# Published vocabularies end with the timestamps 0.00 to 30.00 s.
PUBLISHED_SIZES = (ENGLISH_ONLY_VOCABULARY_SIZE, 51_865, 51_866)
TIMESTAMPS = 1501
END, START, NO_TIMESTAMPS = "<|endoftext|>", "<|startoftranscript|>", "<|notimestamps|>"
PREVIOUS = "<|startofprev|>"
MAXIMUM_CONTEXT = 223
PROBE = "It's 10 - (\u201cé\u201d) \u4e16\u754c \u266a\n"


class WhisperTokenizer:
    """Tokenizer of one Whisper checkpoint."""

    def __init__(
        self, tokenizer_file: Path, vocabulary_size: int, declared: Mapping[str, int] | None = None
    ) -> None:
        """tokenizer_file: tokenizer.json, or vocab.json with merges.txt beside it.

        vocabulary_size: V of the network, which counts timestamps that the file may lack. declared: ids of
        special tokens that the model's configuration gives. Raises InputError if the file cannot be read,
        or belongs to another model.
        """
        self._tokenizer = read_tokenizer(tokenizer_file)
        # Text that happens to spell "<|en|>" is text.
        self._tokenizer.encode_special_tokens = True
        tokens = self._tokenizer.get_vocab(with_added_tokens=True)
        self.file = tokenizer_file
        self.vocabulary_size = vocabulary_size
        self._ids = tokens
        try:
            _check_ids(tokens, vocabulary_size, declared or {})
            self._bytes = token_bytes(self._tokenizer, vocabulary_size)
            # Letters, signs and bytes of all kinds, spaces and line ends too.
            if self.decode(self.encode(PROBE)) != PROBE:
                raise InputError(f"does not give back the text {PROBE!r}")
        except InputError as error:
            raise InputError(
                f"{tokenizer_file} {error}, so it is not the tokenizer of this Whisper of {vocabulary_size} "
                f"tokens: copy the {TOKENIZER} of the same model"
            ) from None
        self.end_of_sequence: int = tokens[END]
        self.pairs = WhisperPairs.of_vocabulary(tokens, vocabulary_size)
        self.multilingual = self.pairs.multilingual
        self.languages = self.pairs.codes

    def save(self, file: Path) -> None:
        """Write a tokenizer.json, whatever it was read from."""
        if self.file.name == TOKENIZER:
            shutil.copy(self.file, file)
        else:
            self._tokenizer.save(str(file))

    def prompt(self, source_language: str, target_language: str) -> list[int]:
        """Tokens that start every hypothesis: transcribe, or translate into English, without timestamps.

        Languages are codes ("de"), with a region ("de-CH") or English names ("german"). Raises
        InputError for a language that the model does not know or a pair that it cannot do.
        """
        source, target = self.pairs.pair(source_language, target_language)
        start, no_timestamps = self._ids[START], self._ids[NO_TIMESTAMPS]
        if not self.multilingual:
            return [start, no_timestamps]
        task = "<|transcribe|>" if source == target else "<|translate|>"
        return [start, self._ids[f"<|{source}|>"], self._ids[task], no_timestamps]

    def context_prompt(self, context: Sequence[int]) -> list[int]:
        """Whisper's place for text that was written before this window; none for no text.

        At most 223 tokens, the newest, as in training (half of the decoder's context).
        """
        if not context or PREVIOUS not in self._ids:
            return []
        return [self._ids[PREVIOUS], *context[-MAXIMUM_CONTEXT:]]

    @property
    def glossary_room(self) -> int:
        """Tokens of words that a user expects, in the place of earlier text."""
        return MAXIMUM_CONTEXT if PREVIOUS in self._ids else 0

    def glossary_prompt(
        self, source_language: str, target_language: str, glossary: Sequence[int], written: Sequence[int]
    ) -> list[int]:
        """The prompt behind a glossary and the newest of what was written, in the room that is left."""
        room = MAXIMUM_CONTEXT - len(glossary)
        context = [*glossary, *(written[-room:] if room > 0 else ())]
        return [*self.context_prompt(context), *self.prompt(source_language, target_language)]

    def language_code(self, language: str) -> str:
        """The code of a language, given as in `prompt`. Raises InputError if the model does not know it."""
        return self.pairs.code(language)

    def encode(self, text: str) -> list[int]:
        """Text tokens only: nothing is added in front or behind."""
        return self._tokenizer.encode(text, add_special_tokens=False).ids

    def encode_sentence(self, text: str) -> list[int]:
        """Tokens of a sentence as Whisper writes it: a space precedes the first word too; none of no text."""
        sentence = text.lstrip()
        return self.encode(" " + sentence) if sentence else []

    def decode(self, tokens: Iterable[int]) -> str:
        """Text of `tokens`. Special tokens and the bytes of incomplete characters leave nothing."""
        return b"".join(self._bytes[token] for token in tokens).decode("utf-8", errors="ignore")

    @cached_property
    def suppressed(self) -> list[int]:
        """Ids never generated: special tokens but the end, timestamps, and what is not speech.

        The last are signs that subtitles use for speakers, sounds and music. OpenAI's decoder
        suppresses the same ones by default (whisper/tokenizer.py, `non_speech_tokens`).
        """
        special = {id for id, text in enumerate(self._bytes) if not text} - {self.end_of_sequence}
        symbols = [*'"#()*+/:;<=>@[\\]^_`{|}~「」『』']
        symbols += "<< >> <<< >>> -- --- -( -[ (' (\" (( )) ((( ))) [[ ]] {{ }} ♪♪ ♪♪♪".split()
        # Hyphen and apostrophe are speech inside a word only, so just their forms behind a space.
        non_speech = {self.encode(" -")[0], self.encode(" '")[0]}
        for form in (form for symbol in symbols for form in (symbol, " " + symbol)):
            tokens = self.encode(form)
            if len(tokens) == 1:
                non_speech.add(tokens[0])
        # Notes may take several tokens; the first one begins only signs between U+2640 and U+267F.
        for note in "♩♪♫♬♭♮♯":
            non_speech |= {self.encode(note)[0], self.encode(" " + note)[0]}
        return sorted(special | non_speech)

    def units_started(self, character_units: bool) -> Tensor:
        """(V,) int64: how many emission units, words or characters, begin with each token."""
        return (characters_started if character_units else words_started)(self._bytes)


def _check_ids(tokens: Mapping[str, int], vocabulary_size: int, declared: Mapping[str, int]) -> None:
    """Raises InputError, whose subject is the file, if the ids are not those of the network."""
    lacking = [token for token in (END, START, NO_TIMESTAMPS) if token not in tokens]
    if lacking:
        raise InputError(f"lacks {', '.join(lacking)}")
    most = max(tokens.values())
    if most >= vocabulary_size:
        raise InputError(f"has {most + 1} tokens")
    if not tokens[END] < tokens[START] < tokens[NO_TIMESTAMPS]:
        raise InputError("has its special tokens in another order")
    for token, id in declared.items():
        if tokens.get(token, id) != id:
            raise InputError(f"has {token} at {tokens[token]}, the model's configuration at {id}")
    # A model that learned a further word may be as large as the next published one: its file goes on to V.
    found, expected = tokens[NO_TIMESTAMPS], vocabulary_size - TIMESTAMPS - 1
    if vocabulary_size in PUBLISHED_SIZES and most < vocabulary_size - 1 and found != expected:
        raise InputError(f"has {NO_TIMESTAMPS} at {found} instead of {expected}")
