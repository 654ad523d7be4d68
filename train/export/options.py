"""Options of `simulst export`."""

from dataclasses import dataclass
from pathlib import Path

from foundation.options import REQUIRED, option
from models.precisions import PRECISION_NAMES


@dataclass(frozen=True)
class ExportOptions:
    """What becomes a model folder, and how it is stored."""

    run: Path = option(
        REQUIRED,
        "The output folder of a stage, or checkpoints/step_N in it.",
        metavar="RUN",
        positional=True,
    )
    folder: Path = option(REQUIRED, "The model folder to make.", metavar="FOLDER", positional=True)
    precision: str = option("float16", "The number format of stored weights.", PRECISION_NAMES)
    eight_bit: bool = option(False, "Store matrices of a REINA in 8 bits, a quarter of float32.")
    threshold: float | None = option(
        None, "The threshold of a policy, in logit space, that agents use unless told otherwise."
    )
    agreeing_chunks: int | None = option(
        None,
        "How many chunks in a row must agree on a token with this policy, unless agents are told otherwise; "
        "default: one decides alone.",
        at_least=1,
        at_most=100_000,
    )
    base: str | None = option(
        None,
        "The name of the model that a policy or adapter is for, which is then left out.",
        metavar="MODEL",
    )
    with_text_encoder: bool = option(False, "Keep what only further training needs.")
    name: str | None = option(None, "What the model card calls it (default: the folder's name).")
    licence: str = option("not stated", "The licence that the model card states.")
    base_model: str | None = option(
        None, "What training began from, for the model card; default: --base.", metavar="NAME"
    )
    notes: Path | None = option(
        None, "Markdown that is put into the model card: data, scores, use.", metavar="FILE"
    )
