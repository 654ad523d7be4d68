"""Tokenizer of an audio-language model: byte-level BPE, and a prompt with one place for the audio.

Special tokens are those that the file declares to be (`[INST]`, `<s>`, `<end_of_turn>`), and all that are
written as `<|...|>`.

The prompt is a text with special tokens, such as

    <|im_start|>user\\n<|audio_bos|><|AUDIO|><|audio_eos|>Translate into {target}.<|im_end|>\\n...

in which {source} and {target} stand for the English names of the languages, and {context} for words that the
user expects, with a sentence that says so; for nothing where there are none. Text that is translated is
written behind it as it is: a first word has no space in front.

Shapes: V vocabulary.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from foundation.errors import InputError
from models.decoding.token_texts import TokenTexts
from models.language_pairs import ListedPairs
from models.languages import ENGLISH_NAMES
from models.storage.byte_level import token_bytes
from models.storage.tekken import TEKKEN, read_tekken
from models.storage.tokenizer_files import MARK, read_tokenizer

CONTEXT = "{context}"
EXPECTED = " These names and terms may be heard: "
MAXIMUM_GLOSSARY = 512


@dataclass(frozen=True)
class AudioPrompt:
    """Tokens before the audio and behind it, up to where the text begins."""

    before: tuple[int, ...]
    after: tuple[int, ...]


@dataclass(frozen=True)
class PromptFormat:
    """How a model is asked, as its configuration or the user says it."""

    text: str  # with special tokens, {source} and {target}
    languages: tuple[str, ...] = tuple(ENGLISH_NAMES)  # codes that can be written
    source_languages: tuple[str, ...] = tuple(ENGLISH_NAMES)  # codes that are understood


class AudioLanguageTokenizer(TokenTexts):
    """Tokenizer of one audio-language model."""

    def __init__(
        self,
        file: Path,
        vocabulary_size: int,
        prompt_format: PromptFormat,
        audio_token: str,
        end_token: str,
        needed_tokens: Sequence[str] = (),
        maximum_prompt: int | None = None,
        pattern: str | None = None,
    ) -> None:
        """vocabulary_size: V of the network, which may count ids that the file lacks.

        audio_token, end_token: the place of the audio, the end of a text; needed_tokens: further special
        tokens that the model cannot do without; maximum_prompt: tokens at most, None is any number;
        pattern: of `read_tokenizer`.
        Raises InputError if the file cannot be read, belongs to another model or lacks special tokens.
        """
        self._tokenizer = read_tekken(file) if file.name == TEKKEN else read_tokenizer(file, pattern)
        # Text that happens to spell "<|AUDIO|>" is text.
        self._tokenizer.encode_special_tokens = True
        ids = self._tokenizer.get_vocab(with_added_tokens=True)
        lacking = [token for token in (audio_token, end_token, *needed_tokens) if token not in ids]
        if lacking or max(ids.values()) >= vocabulary_size:
            fault = f"lacks {', '.join(lacking)}" if lacking else f"has {max(ids.values()) + 1} tokens"
            raise InputError(
                f"{file} {fault}, so it is not the tokenizer of this audio-language model of "
                f"{vocabulary_size} tokens: copy the {file.name} of the same model"
            )
        self.file = file
        self.vocabulary_size = vocabulary_size
        self.prompt_format = prompt_format
        self._pairs = ListedPairs(prompt_format.languages, prompt_format.source_languages)
        self.audio_token: int = ids[audio_token]
        self.end_of_sequence: int = ids[end_token]
        self._audio_text = audio_token
        self._maximum_prompt = maximum_prompt
        declared = self._tokenizer.get_added_tokens_decoder().values()
        special = {token.content for token in declared if token.special}
        self._added = {token: ids[token] for token in ids if token in special or re.fullmatch(MARK, token)}
        try:
            self._bytes = token_bytes(self._tokenizer, vocabulary_size)
        except InputError as error:
            raise InputError(f"{file}: {error}: copy the {file.name} of the same model") from None
        for id in self._added.values():
            self._bytes[id] = b""

    def language_code(self, language: str) -> str:
        """Code of a language given by code, region or name. Raises InputError for an unknown one."""
        return self._pairs.code(language)

    @property
    def glossary_room(self) -> int:
        """Tokens of words that a user expects: none where the prompt has no place for them."""
        return MAXIMUM_GLOSSARY if CONTEXT in self.prompt_format.text else 0

    def glossary_prompt(
        self, source_language: str, target_language: str, glossary: Sequence[int], written: Sequence[int]
    ) -> list[int]:
        """The prompt with a glossary at its place; these models know no earlier text."""
        return self.in_one_piece(self.audio_prompt(source_language, target_language, glossary))

    def audio_prompt(
        self, source_language: str, target_language: str, glossary: Sequence[int] = ()
    ) -> AudioPrompt:
        """The prompt around the audio, with the tokens of words that are expected.

        Raises InputError for a pair that the model cannot do. Also for a prompt without exactly one place for
        the audio, or one so long that the text finds no room behind the longest audio.
        """
        source, target = self._pairs.pair(source_language, target_language)
        text = self.prompt_format.text
        for mark, code in (("{source}", source), ("{target}", target)):
            text = text.replace(mark, ENGLISH_NAMES.get(code, code))
        parts = text.split(self._audio_text)
        if len(parts) != 2:
            raise InputError(
                f"the prompt {self.prompt_format.text!r} has {len(parts) - 1} places for the audio: write "
                f"{self._audio_text} in it exactly once"
            )
        before, after = (tuple(self._encode_with_specials(part, glossary)) for part in parts)
        if not after:
            # Its last position is what the first word is predicted from.
            raise InputError(
                f"the prompt {self.prompt_format.text!r} ends with the audio: write text or a special token "
                "behind it"
            )
        length = len(before) + len(after)
        if self._maximum_prompt is not None and length > self._maximum_prompt:
            raise InputError(
                f"the prompt has {length} tokens and leaves no room for the audio: beside it the model's "
                f"context holds {self._maximum_prompt}; shorten the prompt"
            )
        return AudioPrompt(before, after)

    def prompt(self, source_language: str, target_language: str) -> list[int]:
        """`audio_prompt` in one piece: the audio's token stands where all its frames belong."""
        return self.in_one_piece(self.audio_prompt(source_language, target_language))

    def context_prompt(self, context: Sequence[int]) -> list[int]:
        """Nothing: these models know no earlier text."""
        return []

    def in_one_piece(self, prompt: AudioPrompt) -> list[int]:
        """The prompt with one token for the audio."""
        return [*prompt.before, self.audio_token, *prompt.after]

    def encode(self, text: str) -> list[int]:
        """Text tokens only: nothing is added in front or behind."""
        return self._tokenizer.encode(text, add_special_tokens=False).ids

    encode_sentence = encode

    def decode(self, tokens: Iterable[int]) -> str:
        """Text of `tokens`. Special tokens and the bytes of incomplete characters leave nothing."""
        return b"".join(self._bytes[token] for token in tokens).decode("utf-8", errors="ignore")

    def token_bytes(self, token: int) -> bytes:
        """What a token adds to the text, perhaps part of a character; nothing for special tokens."""
        return self._bytes[token]

    def _encode_with_specials(self, text: str, glossary: Sequence[int] = ()) -> list[int]:
        if CONTEXT in text:
            if not glossary:
                return self._encode_with_specials(text.replace(CONTEXT, ""))
            # What the user wrote holds no special tokens, whatever it spells.
            first, behind = text.split(CONTEXT, 1)
            told = [*self.encode(EXPECTED), *glossary]
            return [*self._encode_with_specials(first), *told, *self._encode_with_specials(behind)]
        names = sorted(map(re.escape, self._added), key=len, reverse=True)
        tokens: list[int] = []
        for part in re.split(f"({'|'.join(names)})", text):
            tokens += [self._added[part]] if part in self._added else self.encode(part)
        return tokens
