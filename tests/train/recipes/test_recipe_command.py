"""What a recipe is told is checked before fairseq2 is imported; help lists every key."""

import subprocess
import sys
from pathlib import Path

import pytest

from foundation.errors import InputError
from foundation.files.yaml_files import read_yaml
from train.data.batch_plan import BatchSection
from train.recipes.command import RECIPES, check, help_text
from train.recipes.sections import check_keys, read_section

TRAIN = Path(__file__).parents[3] / "train"
SHIPPED = sorted(file for name in RECIPES for file in (TRAIN / name / "configs").glob("*.yaml"))


@pytest.fixture
def configuration(tmp_path):
    """configuration(text) writes a file with one section to train on, whose manifest exists."""
    manifest = tmp_path / "manifest.tsv"
    manifest.write_text("id\ten\n")

    def write(text: str) -> str:
        file = tmp_path / "mine.yaml"
        file.write_text(text.replace("MANIFEST", str(manifest)))
        return str(file)

    return write


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: f"{file.parents[1].name}-{file.stem}")
def test_shipped_configurations_have_known_keys(file):
    check_keys(read_yaml(file), RECIPES[file.parents[1].name].section(), str(file))


@pytest.mark.parametrize(
    ("recipe", "text", "message"),
    [
        ("stage1", "trian: []\n", "mine.yaml: there is no key 'trian': did you mean 'train'?"),
        (
            "stage1",
            "train:\n- {manifest: MANIFEST, tsk: asr}\n",
            r"train\[0\]: there is no key 'tsk': did you",
        ),
        (
            "stage2",
            "truncation: {chunk: 250}\n",
            "truncation: there is no key 'chunk': did you mean 'chunk_ms'",
        ),
        (
            "stage1",
            "trainer: {max_grad: 1}\n",
            "trainer: there is no key 'max_grad': did you mean 'max_grad_n",
        ),
        (
            "stage1",
            "trainer: {mixed_precision: {mod: auto}}\n",
            "trainer.mixed_precision: there is no key 'mod'",
        ),
        (
            "stage1",
            "model: {config_overrides: {tokeniser: x}}\n",
            "config_overrides: there is no key 'tokeniser'",
        ),
        ("stage3", "model: {config_overrides: {heds: 2}}\n", "there is no key 'heds': did you mean 'heads'?"),
        ("stage3", "masking: {}\n", "there is no key 'masking'"),
        (
            "simulsa_sft",
            "model: {config_overrides: {lora: {rnk: 2}}}\n",
            "lora: there is no key 'rnk': did you",
        ),
        ("stage1", "common: {_set_: {sed: 1}}\n", "common: there is no key 'sed': did you mean 'seed'?"),
        (
            "stage1",
            "train:\n- {manifest: none.tsv}\n",
            r"train\[0\]: none.tsv: no such manifest: correct the",
        ),
        ("stage1", "a: [\n", "mine.yaml is no valid YAML"),
        ("stage1", "regime: {num_steps: .inf}\n", "regime.num_steps must be a whole number or null, got inf"),
        ("stage1", "regime: {num_steps: 2.5}\n", "num_steps must be a whole number or null, got 2.5"),
        ("stage1", "regime: {num_steps: true}\n", "num_steps must be a whole number or null, got True"),
        ("stage1", "regime: 3\n", "mine.yaml: regime must be keys with values, got 3"),
        ("stage1", "train: [3]\n", "train must be a list, each entry keys with values, got "),
        ("stage1", "train: [{targets: de}]\n", r"\[0\].targets must be a list, each entry a text, got"),
        ("stage1", "train: [{manifest: 3}]\n", r"train\[0\].manifest must be a path, got 3"),
        ("stage1", "label_smoothing: much\n", "label_smoothing must be a number, got 'much'"),
        ("stage3", "trainer: null\n", "trainer must be keys with values, got None"),
    ],
)
def test_a_bad_configuration_gets_one_line(configuration, recipe, text, message):
    with pytest.raises(InputError, match=message) as caught:
        check(recipe, ["out", "--config-file", configuration(text)])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "regime: {num_steps: 1e3}",
        "regime: {num_steps: null}",
        "common: {seed: '3'}",
        "label_smoothing: 1",
        "train: [{targets: [no, de]}]",  # false to PyYAML, Norwegian to fairseq2
        "train: ${elsewhere}",
    ],
)
def test_values_that_fairseq2_takes_as_they_are_meant_pass(configuration, text):
    check("stage1", ["out", "--config-file", configuration(text)])


def test_keys_that_are_taken_away_need_no_value():
    check("stage1", ["out", "--config", "del:trainer", "del:regime.num_steps"])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["regime.num_step=3"], "--config: regime: there is no key 'num_step': did you mean 'num_steps'?"),
        (["seed=3"], "--config: there is no key 'seed'"),
        (["add:batch.pair=3"], "batch: there is no key 'pair': did you mean 'pairs'?"),
        (["del:comon.seed"], "there is no key 'comon': did you mean 'common'?"),
        (["regime.num_steps=x"], "--config: regime.num_steps must be a whole number or null, got 'x'"),
        (["reader={worker: 1}"], "reader: there is no key 'worker': did you mean 'workers'?"),
    ],
)
def test_a_bad_word_behind_config_gets_one_line(configuration, words, message):
    file = configuration("train:\n- {manifest: MANIFEST}\n")
    with pytest.raises(InputError, match=message):
        check("stage1", ["out", "--config", "batch.pairs=4", *words, "--config-file", file])


def test_good_words_pass(configuration):
    file = configuration("train:\n- {manifest: none.tsv}\noptimizer: {config: {lr: 1.0e-3}}\n")
    words = ["train=[]", "optimizer.config.lr=1", "trainer.mixed_precision.mode=off", "common.seed=0500"]
    check("stage1", ["out", f"--config-file={file}", "--no-rich", "--config", *words, "--dump-config"])


def test_what_fairseq2_fills_in_is_not_looked_for(configuration):
    check("stage1", ["out", "--config-file", configuration("train:\n- {manifest: '${dir}/a.tsv'}\n")])


@pytest.mark.parametrize("name", RECIPES)
def test_help_lists_the_keys_of_the_data_section_with_their_meaning(name):
    lines = help_text(name).splitlines()
    assert "      manifest (Path): The table of clips or texts (`train.data.manifest`)." in lines
    assert "      task (str, default 's2tt'): The task: s2tt, asr or nmt." in lines
    assert any(line.startswith("      of fairseq2: num_steps, num_data_epochs, ") for line in lines)
    assert max(map(len, lines)) <= 110


def test_sections_are_read_as_python_makes_them():
    """Names and help come from the source; the classes themselves say the same."""
    section = read_section("train.data.batch_plan", "BatchSection")
    assert list(section.keys) == list(BatchSection.__dataclass_fields__)
    assert section.keys["pairs"].default == "128"
    assert section.keys["pairs"].help.startswith("It holds at most so many clips, without speech texts.")
    assert read_section("train.data.batch_plan", "PlannedBatch").keys["speech"].default is None
    assert read_section("train.data.batch_plan", "NoSuchClass") is None


def test_an_unknown_key_is_refused_without_importing_fairseq2(configuration):
    """In a process of its own: others may have imported it here."""
    file = configuration("trian: []\n")
    script = (
        "import sys; sys.argv = ['x', 'out', '--config-file', sys.argv[1]]\n"
        "from train.recipes.command import main\n"
        "status = main('stage1')\n"
        "print(status, [name for name in ('fairseq2', 'torch') if name in sys.modules])"
    )
    run = subprocess.run(
        [sys.executable, "-c", script, file], cwd=TRAIN.parent, capture_output=True, text=True, check=False
    )
    assert run.stdout == "1 []\n"
    assert run.stderr == f"error: {file}: there is no key 'trian': did you mean 'train'?\n"
