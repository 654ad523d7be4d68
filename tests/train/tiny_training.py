"""A world small enough to train in: tiny Whisper, pieces, spoken noise, and configurations of all stages."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import yaml

from tests.models.tiny_reina import write_tiny_pieces
from tests.models.tiny_whisper import CORPUS, write_tiny_whisper

ROWS = 12
LANGUAGES = ["de", "en"]


@dataclass(frozen=True)
class TinyWorld:
    """Where everything is."""

    folder: Path

    @property
    def manifest(self) -> Path:
        return self.folder / "spoken" / "manifest.tsv"

    @property
    def whisper(self) -> Path:
        return self.folder / "whisper"

    def stage1(self, **changes: Any) -> dict[str, Any]:
        """A configuration that lasts seconds. Without dropout, so that runs can be compared."""
        new = {
            "architecture": "reina-mini",
            "sizes": {
                "n_audio_state": 32,
                "n_audio_head": 2,
                "n_audio_layer": 1,
                "n_text_ctx": 120,
                "n_text_state": 32,
                "n_text_head": 2,
                "n_text_layer": 1,
                "n_source_layer": 1,
                "dropout": 0.0,
            },
            "whisper": str(self.whisper),
            "tokenizer": str(self.folder / "tokenizer.model"),
            "languages": LANGUAGES,
        }
        data = {"manifest": str(self.manifest)}
        return {
            "model": {"config_overrides": new},
            "train": [
                {**data, "task": "s2tt", "targets": ["de"]},
                {**data, "task": "asr"},
                {**data, "task": "nmt", "targets": ["de"], "weight": 0.5},
            ],
            "validation": [{**data, "task": "s2tt", "targets": ["de"], "limit": 4}],
            **self._shared(),
            **changes,
        }

    def stage2(self, start: Path | str, **changes: Any) -> dict[str, Any]:
        data = {"manifest": str(self.manifest), "task": "s2tt", "targets": ["de"]}
        return {
            "model": {"config_overrides": {"start": str(start)}},
            "train": [data],
            "validation": [{**data, "limit": 4}],
            "truncation": {"cut_probability": 0.8},
            **self._shared(),
            **changes,
        }

    def stage3(
        self, translator: Path | str, policy: dict[str, Any] | None = None, **changes: Any
    ) -> dict[str, Any]:
        small = {"translator": str(translator), "width": 16, "heads": 2, "dropout": 0.0}
        return {
            **self.stage2(translator),
            "model": {"config_overrides": small | (policy or {})},
            **self._shared(score_metric="goal_correlation"),
            **changes,
        }

    def _shared(self, score_metric: str = "bleu") -> dict[str, Any]:
        return {
            "batch": {"seconds": 60, "pairs": 8},
            "reader": {"workers": 0},
            "optimizer": {"config": {"lr": 1e-3}},
            "lr_scheduler": {"name": "passthrough", "config": None},
            "trainer": {"max_grad_norm": 10.0, "mixed_precision": {"mode": "off"}},
            "regime": {
                "num_steps": 4,
                "validate_every_n_steps": 2,
                "checkpoint_every_n_steps": 2,
                "publish_metrics_every_n_steps": 1,
                "score_metric": score_metric,
            },
            "common": {"no_sweep_dir": True, "metric_recorders": {"tensorboard": {"enabled": False}}},
        }

    def write(self, name: str, configuration: dict[str, Any]) -> Path:
        """The configuration as a file."""
        file = self.folder / f"{name}.yaml"
        file.write_text(yaml.safe_dump(configuration), encoding="utf-8")
        return file


def build(folder: Path) -> TinyWorld:
    """Write all files of the world."""
    world = TinyWorld(folder)
    write_tiny_whisper(world.whisper, layers=1)
    write_tiny_pieces(folder / "tokenizer.model")
    world.manifest.parent.mkdir()
    draw = np.random.default_rng(0)
    rows = ["id\taudio\tseconds\ten\tde"]
    for number in range(ROWS):
        seconds = 0.6 + 0.1 * number
        noise = 0.1 * draw.standard_normal(round(16_000 * seconds))
        soundfile.write(world.manifest.parent / f"{number}.wav", noise, 16_000)
        english, german = CORPUS[number % 4], CORPUS[(number + 5) % len(CORPUS)]
        rows.append(f"row{number}\t{number}.wav\t{seconds:.3f}\t{english}\t{german}")
    world.manifest.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return world
