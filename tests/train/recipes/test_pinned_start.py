"""What a run starts from stays the checkpoint that it was, whatever becomes of the run that wrote that."""

import json

import pytest

from foundation.errors import InputError
from tests.models.tiny_reina import write_tiny_reina
from train.policy.recipe import PolicyConfig, create
from train.recipes.pinned_start import pinned


def checkpoint(run, step, score):
    (run / "checkpoints" / f"step_{step}" / "model").mkdir(parents=True)
    (run / "checkpoints" / "scores").mkdir(exist_ok=True)
    (run / "checkpoints" / "scores" / f"step_{step}.txt").write_text(f"{score}\n")


def test_a_run_is_named_by_its_best_checkpoint_and_a_model_by_its_name(tmp_path):
    run, model = tmp_path / "run", tmp_path / "model"
    model.mkdir()
    checkpoint(run, 2, 20.0)
    then = pinned(str(run), run)
    checkpoint(run, 4, 21.0)
    assert then == str(run / "checkpoints" / "step_2") == pinned(then, run / "checkpoints" / "step_2")
    assert pinned(str(run), run) == str(run / "checkpoints" / "step_4")
    assert pinned("openai/whisper-base", model) == "openai/whisper-base"


def test_a_begun_policy_goes_on_only_as_it_began(tmp_path):
    reina = str(write_tiny_reina(tmp_path / "reina"))
    run = tmp_path / "run"
    run.mkdir()
    file = run / "policy.json"
    policy = create(PolicyConfig(translator=reina, width=16, heads=2))
    other = create(PolicyConfig(translator=reina, width=16, heads=2, objective="divergence"))
    other.describe(file)
    policy.describe(file)
    checkpoint(run, 1, 0.0)
    policy.describe(file)
    with pytest.raises(InputError, match=r"holds checkpoints of a run with another options .*: go on with"):
        other.describe(file)
    written = json.loads(file.read_text())
    file.write_text(json.dumps({**written, "base": "runs/a"}))
    policy.base = "runs/a/checkpoints/step_4"  # earlier versions named the run
    policy.describe(file)
    policy.base = "runs/b/checkpoints/step_4"
    with pytest.raises(InputError, match=r"another base \(runs/a\)"):
        policy.describe(file)
