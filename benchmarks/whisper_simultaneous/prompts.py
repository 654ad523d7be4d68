"""Cuts Asterisk's spoken instructions into sentences with English references: input for X -> English.

    apt-get download asterisk-core-sounds-{en,fr,es,it} asterisk-core-sounds-{fr,es,it}-g722
    for package in *.deb; do dpkg-deb --extract $package asterisk; done
    python -m benchmarks.whisper_simultaneous.prompts --packages asterisk --output outputs/asterisk

The prompt `demo-instruct` is one to one and a half minutes of a human voice in each language (CC BY-SA 3.0,
the Italian one CC BY). It is cut in its pauses, at the times below. Writes OUTPUT/audio/*.wav and for each
language source.LANGUAGE.txt (absolute paths) and target.LANGUAGE.txt.
"""

import gzip
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from foundation.command_end import exit_status
from foundation.command_line import parse
from foundation.errors import InputError
from foundation.files.text_lines import write_list
from foundation.files.whole_folder import whole_folder
from foundation.options import REQUIRED, check_options, option

PROMPT = "demo-instruct"
SAMPLE_RATE = 16_000  # of G.722


@dataclass(frozen=True)
class Recording:
    """The prompt in one language."""

    voice: str  # the folder of the package
    first_sentence: int  # the Italian voice leaves out the first
    cuts_s: tuple[float, ...]  # in the middle of the pauses between sentences


RECORDINGS = {
    "fr": Recording("fr_CA_f_June", 0, (5.68, 15.99, 24.25, 27.73, 33.40, 41.44, 45.94, 51.29, 56.25, 65.38)),
    "es": Recording("es_MX_f_Allison", 0, (7.39, 23.07, 34.09, 38.61, 45.63, 55.53, 62.61, 68.55, 76.27)),
    "it": Recording("it_IT_m_Carlo", 1, (11.83, 18.70, 22.33, 28.13, 36.03, 41.31, 46.25, 52.61, 59.98)),
}


@dataclass(frozen=True)
class PromptOptions:
    """What is cut."""

    packages: Path = option(REQUIRED, "Into this folder the packages were extracted.")
    output: Path = option(REQUIRED, "This folder is made for audio and lists.")

    def __post_init__(self) -> None:
        check_options(self)


def english_sentences(texts: Path) -> list[str]:
    """The sentences of the prompt. Raises InputError where the package's list of texts lacks it."""
    if not texts.is_file():
        raise InputError(f"{texts} is not there: extract asterisk-core-sounds-en into --packages")
    for line in gzip.decompress(texts.read_bytes()).decode().splitlines():
        key, _, text = line.partition(":")
        if key == PROMPT:
            return re.split(r"(?<=\.)\s+", text.strip())
    raise InputError(f"{texts} has no {PROMPT}: take version 1.6.1 of the package")


def read_g722(path: Path) -> np.ndarray:
    """Samples (T,) float32 between -1 and 1. Raises InputError where the file is missing."""
    import av

    if not path.is_file():
        raise InputError(f"{path} is not there: extract the asterisk-core-sounds packages into --packages")
    with av.open(str(path), format="g722") as container:
        blocks = [frame.to_ndarray().reshape(-1) for frame in container.decode(audio=0)]
    return np.concatenate(blocks).astype(np.float32) / 32_768


def cut(samples: np.ndarray, cuts_s: Sequence[float]) -> list[np.ndarray]:
    return np.split(samples, [round(at * SAMPLE_RATE) for at in cuts_s])


def run(options: PromptOptions) -> None:
    import soundfile

    share = options.packages / "usr" / "share"
    sentences = english_sentences(share / "doc" / "asterisk-core-sounds-en" / "core-sounds-en.txt.gz")
    with whole_folder(options.output, mark="source.fr.txt") as folder:
        (folder / "audio").mkdir()
        for language, recording in RECORDINGS.items():
            sounds = share / "asterisk" / "sounds" / recording.voice
            pieces = cut(read_g722(sounds / f"{PROMPT}.g722"), recording.cuts_s)
            names = [f"audio/{language}-{place:02}.wav" for place in range(len(pieces))]
            for name, piece in zip(names, pieces, strict=True):
                soundfile.write(folder / name, piece, SAMPLE_RATE)
            first = recording.first_sentence
            write_list(
                folder / f"source.{language}.txt", [str(options.output.absolute() / name) for name in names]
            )
            write_list(folder / f"target.{language}.txt", sentences[first : first + len(pieces)])


def main(arguments: Sequence[str] | None = None) -> int:
    words = sys.argv[1:] if arguments is None else arguments
    program = "python -m benchmarks.whisper_simultaneous.prompts"
    return exit_status(lambda: run(parse(PromptOptions, program, __doc__.split("\n")[0], words)))


if __name__ == "__main__":
    sys.exit(main())
