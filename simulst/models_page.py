"""docs/MODELS.md, made of what families say: `python -m simulst.models_page > docs/MODELS.md` writes it.

Beside the code of each family stand its facts, `published.json` with the sizes of models that people can
download, and NOTES.md. Work and memory are computed from these sizes; tests compare them with what torch
counts.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.audio_language.families import FAMILIES
from models.canary import encoder_work as canary
from models.whisper import work as whisper
from models.whisper.translator import PUBLISHED

MODELS = Path(__file__).parents[1] / "models"
HEARD_S = 11  # of audio in the chunk that the page counts: no family's block ends there
TOKENS = 40  # of prompt and text, which are read behind it
FRAMES_OF_SECOND = 100  # of features
CORE_GFLOPS = 100  # of large products on one core (benchmarks/README.md)
ROOM = 1.2  # for what is computed, as a share of the weights
NOTED = ("canary", "audio_language", "text_translation")
SHARED = "all; stage 3 trains more"
HEAD = """# Models

Made by `python -m simulst.models_page > docs/MODELS.md` of what families say beside their code; a test
compares the two. `--model` takes a folder, or a name on the Hugging Face Hub. `config.json` says which
family it is.
"""
BEHIND_HEADS = """
Which attention heads follow the speech is published for Whisper alone. `simulst heads MODEL --manifest
CLIPS.tsv` finds them for every family, an audio-language model's among its heads' attention to the audio; a
manifest with a column `word_ends_ms` says when words end, without it the heads that agree do.
"""
BEFORE_SIZES = f"""
## What they cost

Memory is that of the weights; int8 is for processors. GFLOP are billions of multiplications and additions,
each counted: of the encoder for a second of audio that is encoded once (of 10 s together); of the language
model for reading that second; and of both for what a chunk computes anew when {HEARD_S} s have been heard,
{TOKENS} tokens of prompt and text behind them included. Each new word costs a pass over a token or two more.
Sizes are those of each model's published configuration (`published.json` beside the code, with sources).
"""
BEHIND_SIZES = """
A core does some 100 GFLOP a second (benchmarks/README.md), a GPU a hundred or a thousand times that.
Whisper's is that of its defaults (silence thinned, frames frozen after 3 s), under which a chunk's cost
does not grow; tiny, base and the shipped models keep up with speech on one core.
"""
BEFORE_MACHINES = """
## Which model on my machine

Those whose weights and a fifth more fit, the largest first: in bfloat16 on GPUs, in int8 or float32 on
processors, where a chunk of 1 s must also be done in time by four cores. Among these, choose by language
pair and licence.
"""
MACHINES = (
    ("no GPU, 8 GB of memory", 8, False),
    ("no GPU, 32 GB", 32, False),
    ("one GPU of 8 GB", 8, True),
    ("one of 16 GB", 16, True),
    ("one of 24 GB", 24, True),
    ("one of 48 GB", 48, True),
    ("one of 80 GB, or two of 48 GB with `--device-map auto`", 80, True),
)


@dataclass(frozen=True)
class Row:
    """One published model."""

    family: str  # and where its code is
    name: str
    directions: str
    licence: str
    kept: str
    anew: str
    policies: str
    weights: int
    in_layers: int | None = None  # of these, which int8 puts in 8 bits; None: there is no such language model
    second: float | None = None  # GFLOP of the encoder for a second of audio; None: it is not computed here
    reading: float | None = None  # of the language model
    chunk: float | None = None
    more: str = ""  # behind the name

    def memory_gb(self, bytes_of_weight: int) -> float:
        return self.weights * bytes_of_weight / 1e9

    @property
    def int8_gb(self) -> float | None:
        """Layers in 8 bits, all else in float32."""
        return None if self.in_layers is None else (4 * self.weights - 3 * self.in_layers) / 1e9


def models_page() -> str:
    """The page, as Markdown."""
    rows = [*_whisper(), *_canary(), *_audio_language(), *_text()]
    parts = [
        HEAD,
        *_table(
            (
                "family",
                "names on the Hub",
                "directions",
                "licence",
                "policies",
                "kept",
                "computed at each chunk",
            ),
            _families(rows),
        ),
        BEHIND_HEADS,
        BEFORE_SIZES,
        *_table(
            (
                *("model", "million weights", "float32", "bfloat16", "int8"),
                *("GFLOP a second", "to read it", "a chunk"),
            ),
            map(_costs, rows),
        ),
        BEHIND_SIZES,
        BEFORE_MACHINES,
        *_table(("machine", "models"), _machines(rows)),
    ]
    notes = [(MODELS / folder / "NOTES.md").read_text(encoding="utf-8") for folder in NOTED]
    page = "\n".join([*parts, "", "\n".join(notes).rstrip()]) + "\n"
    return page.replace("\n\n\n", "\n\n")


def _published(folder: str) -> list[dict[str, Any]]:
    return json.loads((MODELS / folder / "published.json").read_text(encoding="utf-8"))


def _whisper() -> Iterator[Row]:
    frames = whisper.chunk_frames(PUBLISHED, 1000 * HEARD_S)
    second = whisper.ChunkFrames(*[10 * FRAMES_OF_SECOND // 2] * 3)
    for one in _published("whisper"):
        sizes = one.pop("sizes")
        yield Row(
            family="Whisper (`models/whisper/`)",
            second=whisper.encoder_work(sizes, second) / 1e10,
            chunk=(whisper.encoder_work(sizes, frames) + whisper.decoder_work(sizes, TOKENS, frames)) / 1e9,
            directions="99 languages, transcribed or into English",
            licence="Apache-2.0",
            kept="frames older than `frozen_after_s` (3 s), and their keys",
            anew="the newest frames, thinned silence behind them, and the text",
            policies=SHARED,
            **one,
        )


def _canary() -> Iterator[Row]:
    for one in _published("canary"):
        yield Row(
            family=f"{canary.FAMILY} (`models/canary/`)",
            name=one["name"],
            directions=canary.DIRECTIONS,
            licence=one["licence"],
            kept=canary.KEPT,
            anew=canary.ANEW,
            policies=SHARED,
            weights=one["weights"],
            second=canary.encoder_work(one["sizes"], 10 * FRAMES_OF_SECOND) / 1e10,
            chunk=canary.encoder_work(one["sizes"], HEARD_S * FRAMES_OF_SECOND) / 1e9,
        )


def _audio_language() -> Iterator[Row]:
    for one in _published("audio_language"):
        family, sizes = FAMILIES[one["model_type"]], one["sizes"]
        frames, block = HEARD_S * FRAMES_OF_SECOND, family.published_block(sizes)
        fresh = frames if block is None else frames % block
        if family.usual_silence_ms and block is not None:
            fresh = block  # silence fills it
        a_token = 2 * _active(one)  # or a frame
        yield Row(
            family=f"{family.family} (`{family.__module__.replace('.', '/')}.py`)",
            name=one["name"],
            directions=family.directions,
            licence=one["licence"],
            kept=family.kept,
            anew=family.anew,
            policies=SHARED,
            weights=one["weights"],
            in_layers=one["in_layers"],
            second=family.encoder_work(sizes, 10 * FRAMES_OF_SECOND) / 1e10,
            reading=a_token * 1000 / family.frame_ms / 1e9,
            chunk=(family.encoder_work(sizes, fresh) + a_token * (10 * fresh / family.frame_ms + TOKENS))
            / 1e9,
        )


def _active(published: Mapping[str, Any]) -> float:
    """Weights of the layers that one token meets: of experts some."""
    text = published["sizes"].get("text_config", {})
    experts = text.get("num_experts")
    if experts is None:
        return published["in_layers"]
    each = 3 * text["hidden_size"] * text["moe_intermediate_size"] * text["num_hidden_layers"]
    return published["in_layers"] - (experts - text["num_experts_per_tok"]) * each


def _text() -> Iterator[Row]:
    for one in _published("text_translation"):
        facts = {
            "kept": "recognised words; the encoder's output until a word comes",
            "anew": "the text encoder, over all words",
            "policies": "all; stage 3 trains none yet",
        }
        family = f"{one.pop('family')} (`models/text_translation/`), behind a recogniser"
        yield Row(family=family, **(facts | one))


def _families(rows: Iterable[Row]) -> Iterator[tuple[str, ...]]:
    """One row for each, with the names of all of its models."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row.family, []).append(row)
    for family, models in found.items():
        names = ", ".join(" ".join(filter(None, (f"`{row.name}`", row.more))) for row in models)
        licences = dict.fromkeys(row.licence for row in models)
        licence = (
            models[0].licence
            if len(licences) == 1
            else "; ".join(f"{row.licence} ({_short(row)})" for row in models)
        )
        row = models[0]
        yield family, names, row.directions, licence, row.policies, row.kept, row.anew


def _costs(row: Row) -> tuple[str, ...]:
    return (
        f"`{row.name}`",
        f"{row.weights / 1e6:,.0f}",
        f"{row.memory_gb(4):.1f} GB",
        f"{row.memory_gb(2):.1f} GB",
        "" if row.int8_gb is None else f"{row.int8_gb:.1f} GB",
        *("" if one is None else f"{one:,.0f}" for one in (row.second, row.reading, row.chunk)),
    )


def _fitting(rows: Iterable[Row], gb: int, gpu: bool) -> list[str]:
    """Short names of models that hear, the largest first."""
    hearing = [row for row in rows if "behind a recogniser" not in row.family]
    fits = []
    for row in hearing:
        needed = row.memory_gb(2) if gpu else min(row.memory_gb(4), row.int8_gb or row.memory_gb(4))
        in_time = gpu or (row.chunk or 0) <= 4 * CORE_GFLOPS
        if needed * ROOM <= gb and in_time and (gpu or row.chunk is not None or row.weights < 1e8):
            fits.append(row)
    return [_short(row) for row in sorted(fits, key=lambda row: -row.weights)]


def _machines(rows: Iterable[Row]) -> Iterator[tuple[str, str]]:
    """Each GPU's row tells what the one above does not."""
    before: list[str] = []
    for machine, gb, gpu in MACHINES:
        names = _fitting(rows, gb, gpu)
        told = [name for name in names if name not in before] if gpu else names
        more = ["those of the row above"] if gpu and before else []
        yield machine, ", ".join([*told, *more])
        before = names if gpu else []


def _short(row: Row) -> str:
    return row.name.partition("/")[2]


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    yield "| " + " | ".join(head) + " |"
    yield "|" + "---|" * len(head)
    for row in rows:
        yield "| " + " | ".join(row) + " |"


if __name__ == "__main__":
    print(models_page(), end="")
