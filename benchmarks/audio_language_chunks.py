"""What a chunk costs an audio-language model by the length of the audio, with frozen frames and without.

    python -m benchmarks.audio_language_chunks --output FOLDER

Three settings of one model hear the same noise in turns, in chunks of a second: `exact` encodes and reads all
audio again; `frozen` encodes only the newest seconds again (`frozen_after_s`) and reads all frames again;
`kept` also keeps the language model's keys of frozen frames, as every agent does with that option. Behind the
audio stands a text of --tokens-per-second for all audio heard, and --steps more tokens are decoded.

Of a family whose encoder hears blocks (Qwen-Omni, Voxtral) `frozen` keeps finished blocks, which is exact
too, and --frozen-after-s is not used.

The models: the one of --model, and a random one of its kind with width 512 and 8 + 8 layers. Prints a table
and writes it to FOLDER/chunks.tsv: processor time of one thread (ms), medians over the chunks around each
length, in all, for the encoder, for reading audio and prefix, and for the steps; `ratio` to `exact`.
"""

import json
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from evaluation.table import text_table, write_tsv
from foundation.command_end import exit_status
from foundation.command_line import parse
from foundation.errors import InputError
from foundation.options import REQUIRED, check_options, option

if TYPE_CHECKING:  # arguments are checked before torch is imported
    from models.translator import Memory, Translator

PARTS = ("encoder", "prefix", "steps")
AUDIO_SIZES = {
    "d_model": 512,
    "encoder_layers": 8,
    "num_hidden_layers": 8,
    "encoder_attention_heads": 8,
    "encoder_ffn_dim": 2048,
}
TEXT_SIZES = {
    "hidden_size": 512,
    "intermediate_size": 1408,
    "num_hidden_layers": 8,
    "num_attention_heads": 8,
    "num_key_value_heads": 8,
}


@dataclass(frozen=True)
class ChunkOptions:
    """What is measured."""

    output: Path = option(REQUIRED, "This folder is made for the table.")
    model: str = option("simulsa-mini", "The audio-language model.")
    frozen_after_s: float = option(3.0, "As the option of agents.", at_least=0.5, at_most=30)
    lengths_s: tuple[int, ...] = option(
        (5, 10, 20, 28), "Chunks around these lengths of the audio are timed.", at_least=2
    )
    repeats: int = option(2, "So often the audio is heard.", at_least=1)
    tokens_per_second: float = option(3.0, "So much text stands behind the audio.", at_least=0, at_most=12)
    steps: int = option(8, "So many further tokens are decoded in a chunk.", at_least=0, at_most=100)

    def __post_init__(self) -> None:
        check_options(self)


def run(options: ChunkOptions) -> None:
    """Raises InputError before anything is measured or written."""
    import torch

    from models.storage.locate import locate_model

    if options.output.exists():
        raise InputError(f"{options.output} exists: name another --output")
    torch.set_num_threads(1)
    folder = locate_model(options.model)
    table = table_of(folder, folder.name, options)
    with TemporaryDirectory() as temporary:
        larger = write_larger_model(folder, Path(temporary))
        table += table_of(larger, "random, width 512, 8 + 8 layers", options)
    options.output.mkdir(parents=True)
    write_tsv(options.output / "chunks.tsv", table)
    print(text_table(table))


def write_larger_model(small: Path, folder: Path) -> Path:
    """A random model with tokenizer and prompt of a small one. Returns its folder."""
    import torch
    import transformers

    from models.audio_language.families import FAMILIES

    settings = json.loads((small / "config.json").read_text(encoding="utf-8"))
    network_class = getattr(transformers, FAMILIES[settings["model_type"]].network_class)
    for section, sizes in (("audio_config", AUDIO_SIZES), ("text_config", TEXT_SIZES)):
        settings[section] |= sizes
    if "output_dim" in settings["audio_config"]:
        settings["audio_config"]["output_dim"] = TEXT_SIZES["hidden_size"]
    settings["text_config"].pop("layer_types", None)
    if "mrope_section" in (settings["text_config"].get("rope_scaling") or {}):
        # Time, height and width share half of a head's width.
        half = TEXT_SIZES["hidden_size"] // TEXT_SIZES["num_attention_heads"] // 2
        settings["text_config"]["rope_scaling"]["mrope_section"] = [
            half - half // 4 * 2,
            half // 4,
            half // 4,
        ]
    torch.manual_seed(0)
    network_class(network_class.config_class(**settings)).save_pretrained(folder)
    for name in FAMILIES[settings["model_type"]].description_files:
        if (small / name).is_file():
            shutil.copy(small / name, folder / name)
    return folder


def table_of(folder: Path, model: str, options: ChunkOptions) -> list[dict]:
    """Rows of one model: for each setting and length the medians."""
    rows = []
    times = measure(folder, options)
    for (length, setting), measured in sorted(times.items()):
        parts = {part: median(one[part] for one in measured) for part in PARTS}
        total, exact = (
            median(sum(one.values()) for one in times[length, name]) for name in (setting, "exact")
        )
        shown = {name: f"{value:.0f}" for name, value in {"ms": total, **parts}.items()}
        row = {"model": model, "heard_s": length, "setting": setting, **shown}
        rows.append({**row, "ratio": f"{total / exact:.2f}"})
    return rows


def measure(folder: Path, options: ChunkOptions) -> dict[tuple[int, str], list[dict[str, float]]]:
    """For each length (s) and setting, ms of each part in the chunks around it."""
    from models.audio_language.block_model import BlockwiseModel
    from models.registry import load_translator
    from models.translator import TranslatorOptions

    exact = load_translator(str(folder), TranslatorOptions())
    in_blocks = isinstance(exact.model, BlockwiseModel)
    frozen_after_s = None if in_blocks else options.frozen_after_s
    freezing = load_translator(str(folder), TranslatorOptions(frozen_after_s=frozen_after_s))
    prompt = exact.tokenizer.prompt("en", "de")
    times: dict[tuple[int, str], list[dict[str, float]]] = {}
    for seed in range(options.repeats):
        random = np.random.default_rng(seed)
        streams = {translator: translator.open_stream() for translator in (exact, freezing)}
        for heard_s in range(1, max(options.lengths_s) + 2):
            chunk = random.normal(0, 0.1, 16_000).astype(np.float32)
            for stream in streams.values():
                stream.append(chunk)
            if in_blocks:
                streams[exact].forget(0)
            prefix = [*prompt, *(5 + at % 50 for at in range(round(options.tokens_per_second * heard_s)))]
            length = next((one for one in options.lengths_s if abs(one - heard_s) <= 1), None)
            if length is None:
                # What is kept grows with every chunk, all else depends on the audio alone.
                freezing.start(freezing.encode_streams([streams[freezing]]), [prefix])
                continue
            turns = [("exact", exact), ("frozen", freezing), ("kept", freezing)]
            if heard_s % 2:
                turns = [turns[1], turns[2], turns[0]]
            encoded = {}  # `frozen` and `kept` encode the same
            for name, translator in turns:
                if translator not in encoded:
                    encoded[translator] = _timed(partial(translator.encode_streams, [streams[translator]]))
                memory, spent_ms = encoded[translator]
                if name != "kept":
                    memory = replace(memory, final=None)
                parts = {"encoder": spent_ms, **_decoded(translator, memory, prefix, options.steps)}
                times.setdefault((length, name), []).append(parts)
    return times


def _decoded(translator: "Translator", memory: "Memory", prefix: list[int], steps: int) -> dict[str, float]:
    """ms of reading a prefix, and of steps behind it."""
    (state, output), prefix_ms = _timed(lambda: translator.start(memory, [prefix]))

    def step_by_step() -> None:
        likeliest = output.log_probabilities.argmax(-1)
        for _ in range(steps):
            likeliest = translator.step(state, likeliest).log_probabilities.argmax(-1)

    return {"prefix": prefix_ms, "steps": _timed(step_by_step)[1]}


def _timed(function: Callable[[], Any]) -> tuple[Any, float]:
    """What it returns, and the processor time that it took, in ms."""
    start = time.process_time()
    result = function()
    return result, 1000 * (time.process_time() - start)


def main(arguments: Sequence[str] | None = None) -> int:
    words = sys.argv[1:] if arguments is None else arguments
    program, description = "python -m benchmarks.audio_language_chunks", __doc__.split("\n")[0]
    return exit_status(lambda: run(parse(ChunkOptions, program, description, words)))


if __name__ == "__main__":
    sys.exit(main())
