"""The README.md of an exported model: what it is, how to use it, what it was trained on and how well it does.

Its head is what the Hugging Face Hub reads: a licence of the Hub's list, languages, the task, what it was
trained from.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from huggingface_hub import ModelCardData

CARD = "README.md"
# What fairseq2 calls the validation scores in its logs.
SCORES = ("BLEU", "chrF++", "NLL Loss", "Goal Correlation", "Loss")
SETTINGS = ("model", "batch", "truncation", "optimizer")

# By agent, what the Hub calls the task: it has none for speech translation alone.
SPEECH_TO_TEXT = "automatic-speech-recognition"
TASKS = {"simulsa": "audio-text-to-text"}
TAGS = ("simultaneous-translation", "speech-translation")

# A path such as ../translator is none.
HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")

# Of the Hub's list, those that models and data of this field come with; all others are `other`, with a name.
LICENCES = (
    "apache-2.0", "mit", "bsd-2-clause", "bsd-3-clause", "gpl-3.0", "lgpl-3.0", "agpl-3.0", "mpl-2.0",
    "openrail", "cc0-1.0", "cc-by-3.0", "cc-by-4.0", "cc-by-sa-3.0", "cc-by-sa-4.0", "cc-by-nc-4.0",
    "cc-by-nc-sa-4.0", "cc-by-nc-nd-4.0", "cc-by-nd-4.0", "llama2", "llama3", "gemma", "unlicense",
    "unknown",
)  # fmt: skip


@dataclass(frozen=True)
class ModelCard:
    """Everything the card says."""

    name: str
    licence: str
    configuration: dict[str, Any]  # of the run
    scores: dict[str, dict[str, float]]  # validation set -> score -> value
    notes: str
    agent: str = "alignatt"  # that plays the model, of agents/
    base_model: str | None = None  # what training started from; the head has it if it is a name on the Hub

    @classmethod
    def of_checkpoint(
        cls, name: str, step: Path, licence: str, notes: str, agent: str, base_model: str | None
    ) -> "ModelCard":
        """step: checkpoints/step_N in the output of a run."""
        run = step.parent.parent
        configuration = yaml.safe_load((run / "config.yaml").read_text(encoding="utf-8"))
        scores = _scores(run, int(step.name.removeprefix("step_")))
        return cls(name, licence, configuration, scores, notes, agent, base_model)

    @property
    def languages(self) -> list[str]:
        """Spoken and written ones, in the order of the training data."""
        sections = self.configuration["train"]
        return list(dict.fromkeys(code for one in sections for code in (one["source"], *one["targets"])))

    @property
    def targets(self) -> list[str]:
        """Languages that training had to write, those of recognition included."""
        sections = self.configuration["train"]
        written = ([one["source"]] if one["task"] == "asr" else one["targets"] for one in sections)
        return list(dict.fromkeys(code for codes in written for code in codes))

    def write(self, folder: Path) -> None:
        (folder / CARD).write_text(self.text(), encoding="utf-8")

    def text(self) -> str:
        """Markdown, with the head that the Hub reads."""
        parts = [f"---\n{self.head()}\n---", f"# {self.name}"]
        if self.notes:
            parts.append(self.notes.strip())
        parts.append(f"## Use\n\n```bash\n{self.usage()}\n```")
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

    def head(self) -> str:
        """The metadata of the Hub, in YAML."""
        return ModelCardData(
            language=self.languages,
            **_licence(self.licence),
            library_name="simulst",
            tags=list(TAGS),
            base_model=self.base_model if self.base_model and HUB_NAME.fullmatch(self.base_model) else None,
            pipeline_tag=TASKS.get(self.agent, SPEECH_TO_TEXT),
        ).to_yaml()

    def usage(self) -> str:
        """Five lines of shell: this folder's model over a list of audio files."""
        source, *targets = self.languages
        return "\n".join(
            (
                "ls audio/*.wav > source.txt   # and a reference for each, one a line, in target.txt",
                f"simuleval --agent agents/{self.agent}_agent.py --model {self.name} \\",
                f"    --source-language {source} --target-language {(targets or [source])[0]} \\",
                "    --source source.txt --target target.txt --output out",
                "cat out/instances.log         # what was written, and when",
            )
        )


def _licence(said: str) -> Mapping[str, str]:
    identifier = said.strip().lower()
    if identifier in LICENCES:
        return {"license": identifier}
    if identifier == "not stated":
        return {"license": "unknown"}
    return {"license": "other", "license_name": "-".join(identifier.split())}


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
