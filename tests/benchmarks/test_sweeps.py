"""The sweeps of the benchmarks are of the form that the toolkit has now; their data is not at hand here."""

from pathlib import Path

import pytest
import yaml

from evaluation.sweeps.plan import load_plan

# No sweeps: files that the tests of these benchmarks read.
OTHERS = {"long_speech", "chunk_compute", "serving"}
BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
FILES = sorted(file for file in BENCHMARKS.glob("**/*.yaml") if not OTHERS & set(file.parts))


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_every_setting_can_be_planned(file, tmp_path):
    runs = load_plan(file, tmp_path, {}).runs
    values = yaml.safe_load(file.read_text())
    systems, pairs = values["systems"], len(values.get("languages", [None]))
    planned = {name: [run for run in runs if run.place.system == name] for name in systems}
    assert {name: len(of_one) for name, of_one in planned.items()} == {
        name: pairs * len(system["settings"]) for name, system in systems.items()
    }
