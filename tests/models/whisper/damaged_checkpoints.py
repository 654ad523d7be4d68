"""Ways to damage a checkpoint of Whisper, and what its loader then says."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest
import torch

from foundation.errors import InputError
from models.whisper.checkpoint import load_whisper_checkpoint
from models.whisper.network import WhisperDimensions

DIMENSIONS = WhisperDimensions(80, 60, 32, 2, 2, 640, 448, 32, 2, 2)


def openai_file(folder: Path) -> Path:
    """The model of a Hugging Face folder as NAME.pt, in the same folder."""
    weights = load_whisper_checkpoint(folder).weights
    torch.save({"dims": asdict(DIMENSIONS), "model_state_dict": weights}, folder / "tiny.pt")
    return folder / "tiny.pt"


def refusal(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        load_whisper_checkpoint(path)
    return str(caught.value)


def rewrite(file: Path, **changes) -> None:
    file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))
