"""The README.md of an exported model: what it is, what it was trained on and how well it does."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

CARD = "README.md"
# What fairseq2 calls the validation scores in its logs.
SCORES = ("BLEU", "chrF++", "NLL Loss", "Goal Correlation", "Loss")
SETTINGS = ("model", "batch", "truncation", "optimizer")


@dataclass(frozen=True)
class ModelCard:
    """Everything the card says."""

    name: str
    licence: str
    configuration: dict[str, Any]  # of the run
    scores: dict[str, dict[str, float]]  # validation set -> score -> value
    notes: str

    @classmethod
    def of_checkpoint(cls, name: str, step: Path, licence: str, notes: str) -> "ModelCard":
        """step: checkpoints/step_N in the output of a run."""
        run = step.parent.parent
        configuration = yaml.safe_load((run / "config.yaml").read_text(encoding="utf-8"))
        return cls(name, licence, configuration, _scores(run, int(step.name.removeprefix("step_"))), notes)

    def write(self, folder: Path) -> None:
        (folder / CARD).write_text(self.text(), encoding="utf-8")

    def text(self) -> str:
        """Markdown, with the head that model hubs read."""
        parts = [f"---\nlicense: {self.licence}\ntags: [simultaneous-translation, speech-translation]\n---"]
        parts.append(f"# {self.name}")
        if self.notes:
            parts.append(self.notes.strip())
        parts.append("## Training data\n\n" + "\n".join(map(_data_line, self.configuration["train"])))
        if self.scores:
            rows = [
                f"- {dataset}: " + ", ".join(f"{metric} {value:.4g}" for metric, value in scores.items())
                for dataset, scores in self.scores.items()
            ]
            parts.append("## Scores in training\n\n" + "\n".join(rows))
        settings = {key: self.configuration.get(key) for key in SETTINGS}
        settings["model"] = settings["model"]["config_overrides"]
        shown = yaml.safe_dump({k: v for k, v in settings.items() if v is not None}, sort_keys=False)
        parts.append(f"## Training settings\n\n```yaml\n{shown}```")
        return "\n\n".join(parts) + "\n"


def _data_line(section: dict[str, Any]) -> str:
    targets = ", ".join(section["targets"]) or section["source"]
    what = f"{section['task']}, {section['source']} to {targets}, weight {section['weight']:g}"
    return f"- {section['manifest']}: {what}"


def _scores(run: Path, step: int) -> dict[str, dict[str, float]]:
    """What the validation after this step found."""
    found = {}
    for file in sorted((run / "metrics" / "valid").glob("*.jsonl")):
        for line in file.read_text(encoding="utf-8").splitlines():
            values = json.loads(line)
            if values["Step"] == step:
                found[file.stem] = {name: values[name] for name in SCORES if name in values}
    return found
