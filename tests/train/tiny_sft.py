"""A world small enough to fine-tune an audio-language model in: the tiny Qwen2-Audio and spoken noise."""

import json
from pathlib import Path
from typing import Any

from tests.models.tiny_qwen2_audio import write_tiny_qwen2_audio
from tests.train.tiny_training import TinyWorld, build
from train.data.examples import DataSection
from train.recipes.lora import LoraSection
from train.simulsa_sft.batches import AudioTextBatch
from train.simulsa_sft.data import collation, section_reader
from train.simulsa_sft.model import AudioLanguageConfig, AudioLanguageInTraining, create

LORA = {"rank": 4, "modules": ["q_proj", "v_proj", "down_proj"]}


class TinySft(TinyWorld):
    """Beside `TinyWorld`: a model and a manifest as `train.simulsa_augment` writes it."""

    @property
    def model(self) -> Path:
        return self.folder / "qwen2_audio"

    @property
    def augmented(self) -> Path:
        return self.folder / "augmented" / "manifest.tsv"

    def configuration(self, lora: dict[str, Any] | None, **model: Any) -> dict[str, Any]:
        data = {"task": "s2tt", "targets": ["de"]}
        return {
            "model": {"config_overrides": {"start": str(self.model), "lora": lora, **model}},
            "train": [
                {**data, "manifest": str(self.manifest)},
                {**data, "manifest": str(self.augmented), "weight": 0.5},
            ],
            "validation": [{**data, "manifest": str(self.manifest), "limit": 4}],
            **self._shared(),
        }


def build_sft(folder: Path) -> TinySft:
    """Write all files of the world."""
    build(folder)
    world = TinySft(folder)
    write_tiny_qwen2_audio(world.model)
    config = world.model / "config.json"
    languages = {"languages": ["de", "en"], "source_languages": ["en"]}
    config.write_text(json.dumps({**json.loads(config.read_text()), "translation": languages}))
    world.augmented.parent.mkdir()
    rows = [line.split("\t") for line in world.manifest.read_text(encoding="utf-8").splitlines()[1:]]
    cut = ["id\taudio\tseconds\theard_ms\tde"]
    for name, audio, seconds, _, german in rows[:4]:
        cut.append("\t".join([name, f"../spoken/{audio}", seconds, "520", german[: len(german) // 3]]))
    cut.append("\t".join([rows[4][0], f"../spoken/{rows[4][1]}", rows[4][2], "501", ""]))
    world.augmented.write_text("\n".join(cut) + "\n", encoding="utf-8")
    return world


def in_training(world: TinySft, **settings: Any) -> AudioLanguageInTraining:
    """The world's model as the recipe trains it. settings: fields of `AudioLanguageConfig`."""
    lora = LoraSection(**settings.pop("lora")) if settings.get("lora") else None
    model = create(AudioLanguageConfig(**{"start": str(world.model), "lora": lora, **settings}))
    model.requires_grad_(True)  # as fairseq2 does
    model.freeze()
    return model


def batch_of(
    world: TinySft, model: AudioLanguageInTraining, manifest: Path, **section: Any
) -> AudioTextBatch:
    """The whole manifest as one batch. section: fields of `DataSection`."""
    pairs = section_reader(model.model)(DataSection(manifest=manifest, targets=["de"], **section))
    return collation(model.model).batch(pairs, [], 0)
