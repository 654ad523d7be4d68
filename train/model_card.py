"""The README.md of an exported model: what it is, what it was trained on and how well it does."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

CARD = "README.md"
# What fairseq2 calls the validation scores in its logs.
SCORES = ("BLEU", "chrF++", "NLL Loss", "Goal Correlation", "Loss")


@dataclass(frozen=True)
class ModelCard:
    """Everything the card says."""

    name: str
    licence: str
    configuration: dict[str, Any]  # of the run
    scores: dict[str, dict[str, float]]  # validation set -> score -> value, at the last validation
    notes: str

    @classmethod
    def of_run(cls, name: str, run: Path, licence: str, notes: str) -> "ModelCard":
        configuration = yaml.safe_load((run / "config.yaml").read_text(encoding="utf-8"))
        return cls(name, licence, configuration, _scores(run), notes)

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
            parts.append("## Validation scores\n\nGreedy, whole clips.\n\n" + "\n".join(rows))
        settings = {key: self.configuration[key] for key in ("model", "batch", "truncation", "optimizer")}
        settings["model"] = settings["model"]["config_overrides"]
        shown = yaml.safe_dump({k: v for k, v in settings.items() if v is not None}, sort_keys=False)
        parts.append(f"## Training settings\n\n```yaml\n{shown}```")
        return "\n\n".join(parts) + "\n"


def _data_line(section: dict[str, Any]) -> str:
    targets = ", ".join(section["targets"]) or section["source"]
    what = f"{section['task']}, {section['source']} to {targets}, weight {section['weight']:g}"
    return f"- {section['manifest']}: {what}"


def _scores(run: Path) -> dict[str, dict[str, float]]:
    found = {}
    for file in sorted((run / "metrics" / "valid").glob("*.jsonl")):
        lines = file.read_text(encoding="utf-8").splitlines()
        if lines:
            last = json.loads(lines[-1])
            found[file.stem] = {name: last[name] for name in SCORES if name in last}
    return found
