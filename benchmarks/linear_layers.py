"""Linear layers and decoding steps on this processor: plain, as models are loaded, and in 8 bits.

    python -m benchmarks.linear_layers --output FOLDER
    python -m benchmarks.linear_layers --models openai/whisper-tiny.en openai/whisper-base --output FOLDER

Processor time of one thread, in turns, so that a busy machine slows all alike: trust the ratios. Before each
product of a layer more memory is written than caches hold, because between two steps of a model its other
weights have been read. A step appends one token to each row, over 8 s of noise; `encode` encodes them.

Prints two tables and writes them to --output: layers.tsv and, with --models, steps.tsv. `us` and `ms` are
medians; `ratio` is the time as a share of the plain layer's, or of the model's in float32.
"""

import argparse
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median

import numpy as np
import torch
import torch.nn.functional as F
from tqdm import tqdm

from evaluation.table import text_table, write_tsv
from foundation.errors import InputError
from models.layers.eight_bit_linear import EightBitLinear
from models.layers.packed_output import PackedOutput, packs
from models.registry import load_translator
from models.translator import Translator, TranslatorOptions

SIZES = ((384, 51_865), (512, 51_865), (512, 2_048))  # inputs and outputs; the first two make logits
ROWS = (1, 3, 9, 40)
LARGER_THAN_CACHES = 2**26  # bytes
STEPS_IN_TURN = 8
MOST_TURNS = 50  # Whisper's rows have 448 tokens
PRECISIONS = {
    "float32": {"precision": "float32"},
    "int8": {"precision": "int8"},
    "int8, encoder bfloat16": {"precision": "int8", "encoder_precision": "bfloat16"},
    "bfloat16": {"precision": "bfloat16"},
}


def median_s(
    measured: Mapping[str, Callable[[], object]], turns: int, between: Callable[[], object] = lambda: None
) -> dict[str, float]:
    """Median processor time of each function in s; they take turns, and a first turn does not count."""
    times: dict[str, list[float]] = {name: [] for name in measured}
    for turn in range(turns + 1):
        for name, function in measured.items():
            between()
            start = time.process_time()
            function()
            if turn > 0:
                times[name].append(time.process_time() - start)
    return {name: median(values) for name, values in times.items()}


def layer_forms(inputs: int, outputs: int) -> dict[str, Callable[[torch.Tensor], torch.Tensor]]:
    """A random layer without bias, in all forms that this machine has."""
    weight = torch.randn(outputs, inputs, generator=torch.Generator().manual_seed(0)) / inputs**0.5
    by_columns = weight.T.contiguous().T
    forms = {"plain": lambda x: F.linear(x, weight), "by columns": lambda x: F.linear(x, by_columns)}
    if packs():
        forms["packed"] = PackedOutput(weight, is_shared=False)
    return {**forms, "int8": EightBitLinear(weight)}


@torch.inference_mode()
def measure_layers(sizes: Sequence[tuple[int, int]], rows: Sequence[int], turns: int) -> list[dict]:
    """One row for each size, number of rows and form."""
    caches = torch.zeros(LARGER_THAN_CACHES // 4)
    table = []
    for inputs, outputs in tqdm(sizes, desc="layers", disable=None):
        forms = layer_forms(inputs, outputs)
        for count in rows:
            x = torch.randn(count, inputs, generator=torch.Generator().manual_seed(1))
            calls = {name: lambda form=form, x=x: form(x) for name, form in forms.items()}
            times = median_s(calls, turns, lambda: caches.add_(1))
            table += [
                {
                    "layer": f"{inputs} -> {outputs}",
                    "rows": count,
                    "form": name,
                    "us": f"{1e6 * seconds:.0f}",
                    "ratio": f"{seconds / times['plain']:.2f}",
                }
                for name, seconds in times.items()
            ]
    return table


def measure_steps(model: str, rows: Sequence[int], turns: int) -> list[dict]:
    """One row for each number of rows and precision, and one for each precision's encoder."""
    translators = {
        name: load_translator(model, TranslatorOptions(**chosen)) for name, chosen in PRECISIONS.items()
    }
    noise = np.random.default_rng(0).normal(0, 0.1, 16_000 * 8).astype(np.float32)
    encoding = {name: lambda one=one: one.encode([noise]) for name, one in translators.items()}
    table = _step_rows(model, "encode", median_s(encoding, turns))
    for count in rows:
        stepping = {name: _steps(one, noise, count) for name, one in translators.items()}
        times = median_s(stepping, turns)
        table += _step_rows(model, f"step, {count} rows", {k: v / STEPS_IN_TURN for k, v in times.items()})
    return table


def _steps(translator: Translator, noise: np.ndarray, rows: int) -> Callable[[], None]:
    """What takes a few further steps: with each turn rows grow by as many tokens, in all precisions."""
    prompt = translator.tokenizer.prompt("en", "en")
    memory = translator.encode([noise])
    tokens = torch.arange(500, 500 + rows)
    # Each row has another text, so that none is decoded once for several.
    state, _ = translator.start(memory, [[*prompt, 1000 + row] for row in range(rows)], [0] * rows, True)

    def take() -> None:
        for _ in range(STEPS_IN_TURN):
            translator.step(state, tokens)

    return take


def _step_rows(model: str, part: str, times: Mapping[str, float]) -> list[dict]:
    return [
        {
            "model": model,
            "part": part,
            "precision": name,
            "ms": f"{1000 * seconds:.1f}",
            "ratio": f"{seconds / times['float32']:.2f}",
        }
        for name, seconds in times.items()
    ]


def _size(text: str) -> tuple[int, int]:
    inputs, outputs = text.split("x")
    return int(inputs), int(outputs)


def main(arguments: Sequence[str] | None = None) -> None:
    plain_text = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=plain_text)
    parser.add_argument("--output", type=Path, required=True, help="folder to create")
    parser.add_argument(
        "--models", nargs="*", default=[], help="folders or names of models that transcribe English"
    )
    parser.add_argument("--sizes", type=_size, nargs="+", default=SIZES, help="inputs and outputs: 512x2048")
    parser.add_argument("--rows", type=int, nargs="+", default=ROWS)
    parser.add_argument("--turns", type=int, default=15, help="of which the median is taken")
    args = parser.parse_args(arguments)
    torch.set_num_threads(1)
    try:
        if args.output.exists():
            raise InputError(f"{args.output} exists: name another output")
        if min(args.turns, *args.rows) < 1:
            raise InputError("turns and rows must be 1 or more")
        if args.turns > MOST_TURNS:
            raise InputError(f"turns {args.turns} must be {MOST_TURNS} at most")
        tables = {"layers": measure_layers(args.sizes, args.rows, args.turns)}
        steps = [row for model in args.models for row in measure_steps(model, args.rows, args.turns)]
    except InputError as error:
        sys.exit(f"error: {error}")
    if steps:
        tables["steps"] = steps
    args.output.mkdir(parents=True)
    for name, rows in tables.items():
        write_tsv(args.output / f"{name}.tsv", rows)
    print("\n\n".join(text_table(rows) for rows in tables.values()))


if __name__ == "__main__":
    main()
