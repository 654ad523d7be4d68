"""Options of `train.compose_audio_language_model`, checked before work starts."""

from dataclasses import dataclass
from pathlib import Path

from foundation.errors import InputError
from foundation.options import REQUIRED, option
from models.languages import LANGUAGE_NAMES

HEAD_WIDTH = 64


@dataclass(frozen=True)
class CompositionOptions:
    """The parts of which a model is made."""

    output: Path = option(REQUIRED, "The folder to make.")
    whisper: str = option("openai/whisper-tiny.en", "The Whisper whose encoder is used: a path or a name.")
    languages: tuple[str, ...] = option(("de", "fr"), "The codes of the languages that will be written.")
    source_languages: tuple[str, ...] = option(("en",), "The codes of the languages that will be heard.")
    texts: tuple[Path, ...] = option((), "Files of one text a line, for the vocabulary.", metavar="FILE")
    manifests: tuple[Path, ...] = option(
        (), "Manifests whose columns of these languages are used too.", metavar="FILE"
    )
    language_model: str | None = option(
        None, "The folder of a Qwen2 with its vocabulary, in place of a new one.", metavar="FOLDER"
    )
    vocabulary: int = option(8000, "The tokens of a new vocabulary.", at_most=10_000_000)
    width: int = option(
        256,
        f"The width of a new language model, a multiple of {HEAD_WIDTH}, its heads' width.",
        at_least=1,
        at_most=65_536,
    )
    layers: int = option(6, "The layers of a new language model.", at_least=1, at_most=1000)
    context: int = option(
        2048, "The tokens that a new language model reads at most: prompt, audio and text.", at_least=1
    )
    prompt: str | None = option(
        None,
        "The whole prompt, special tokens too, {source} and {target} for the languages; default: a short "
        "one, or with --language-model Qwen2-Audio's chat.",
    )
    seed: int = option(0, "The seed of the new weights.")

    def __post_init__(self) -> None:
        if self.width % HEAD_WIDTH:
            raise InputError(f"--width must be a multiple of {HEAD_WIDTH}, got {self.width}")
        unknown = {*self.languages, *self.source_languages} - {*LANGUAGE_NAMES.values()}
        if unknown:
            raise InputError(f"language codes {', '.join(sorted(unknown))} are not known: give en, de ...")
        if self.output.exists():
            raise InputError(f"{self.output} exists: name another output, or move that one away")
        given = bool(self.texts or self.manifests)
        if given == (self.language_model is not None):
            raise InputError(
                "a vocabulary comes from texts or with a language model: give --texts or --manifests, or "
                "--language-model"
            )
