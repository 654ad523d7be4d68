"""House rules: imports point down, and pyproject.toml declares what the code uses."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
# Each folder with those of ours that it may import, itself included.
BELOW = {
    "foundation": {"foundation"},
    "models": {"models", "foundation"},
    "agents": {"agents", "models", "foundation"},
    "train": {"train", "models", "foundation"},
    "evaluation": {"evaluation", "agents", "models", "foundation"},
    "serve": {"serve", "evaluation", "agents", "models", "foundation"},
    "simulst": {"simulst", "train", "serve", "evaluation", "agents", "models", "foundation"},
}
# Where the name of the distribution is not that of the module.
MODULES = {"pyyaml": "yaml", "hibari-tts": "hibari"}
# Files that need an extra beyond the core.
EXTRAS = {
    "cluster_jobs.py": "cluster",
    "audio_attention.py": "audio-language",
    "hub_folder.py": "audio-language",
    "causal_model.py": "audio-language",
    "device_map.py": "device-map",
    "long_form.py": "longform",
    "soft_alignment.py": "longform",
    "microphone.py": "live",
}
LOCAL = {*BELOW, "benchmarks", "tests"}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def sources(*folders: str) -> list[Path]:
    files = [file for folder in folders for file in sorted((ROOT / folder).rglob("*.py"))]
    return [file.relative_to(ROOT) for file in files]


def imports(file: Path) -> Iterator[str]:
    """Dotted names of all imported modules, wherever in the file."""
    for node in ast.walk(ast.parse((ROOT / file).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                # SimulEval imports the plug-in by its bare name: it cannot name itself absolutely.
                assert file.parent.name == "simuleval_plugin", f"{file}: import absolutely"
                continue
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def top(name: str) -> str:
    return name.split(".")[0]


def declared(*sections: str) -> set[str]:
    """Modules of the distributions that pyproject.toml lists under dependencies or an extra."""
    requirements = {"dependencies": PROJECT["dependencies"], **PROJECT["optional-dependencies"]}
    names = [re.match(r"[\w-]+", line).group() for section in sections for line in requirements[section]]
    return {MODULES.get(name, name.replace("-", "_")) for name in names}


@pytest.mark.parametrize("file", sources(*BELOW), ids=str)
def test_imports_point_down(file):
    ours = {top(name) for name in imports(file)} & LOCAL
    assert ours <= BELOW[file.parts[0]]


@pytest.mark.parametrize("file", sources(*BELOW, "benchmarks"), ids=str)
def test_fairseq2_stays_in_train(file):
    if file.parts[0] != "train":
        assert "fairseq2" not in {top(name) for name in imports(file)}


@pytest.mark.parametrize("file", sources("simulst", "foundation", "models", "agents", "evaluation"), ids=str)
def test_libraries_of_the_core_are_declared(file):
    libraries = {top(name) for name in imports(file)} - LOCAL - set(sys.stdlib_module_names)
    extras = [EXTRAS[file.name]] if file.name in EXTRAS else []
    assert libraries <= declared("dependencies", *extras)


@pytest.mark.parametrize("file", sources("serve"), ids=str)
def test_libraries_of_servers_are_declared(file):
    libraries = {top(name) for name in imports(file)} - LOCAL - set(sys.stdlib_module_names)
    assert libraries <= declared("dependencies", "serve", "longform", "cluster")


@pytest.mark.parametrize("file", sources("train"), ids=str)
def test_libraries_of_training_are_declared(file):
    libraries = {top(name) for name in imports(file)} - LOCAL - set(sys.stdlib_module_names)
    assert libraries <= declared("dependencies", "train", "tts", "audio-language")


@pytest.mark.parametrize("file", sources("benchmarks", "tests"), ids=str)
def test_libraries_of_benchmarks_and_tests_are_declared(file):
    libraries = {top(name) for name in imports(file)} - LOCAL - set(sys.stdlib_module_names)
    assert libraries <= declared("dependencies", "train", "test", "serve", "benchmarks")


# Registered operators that torch's own compiler emits; who uses them asks first whether they are there.
OPERATORS = {"torch.ops.mkldnn._linear_pointwise", "torch.ops.mkldnn._reorder_linear_weight"}


@pytest.mark.parametrize("file", sources(*BELOW, "benchmarks", "tests"), ids=str)
def test_no_private_names_of_torch(file):
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    chains = {ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    names = [chain for chain in chains if top(chain) in ("torch", "nn", "F")]
    names += [name for name in imports(file) if top(name) == "torch"]
    private = [
        name
        for name in names
        if re.search(r"\._(?!_)", name) and name.removesuffix(".default") not in OPERATORS
    ]
    assert not private


@pytest.mark.parametrize("file", sources(*BELOW, "benchmarks", "tests"), ids=str)
def test_one_idea_fits_in_a_file(file):
    assert len((ROOT / file).read_text(encoding="utf-8").splitlines()) < 300


def test_serve_and_tests_are_extras():
    assert declared("serve") == {"simulstream", "starlette", "uvicorn", "websockets", "prometheus_client"}
    assert {"pytest", "ruff", "transformers"} <= declared("test")
    assert declared("longform") == {"omnisteval"} <= declared("test")
    assert declared("train") == {"fairseq2", "torcheval", "peft"}
    assert declared("tts") == {"hibari"}
    assert declared("live") == {"sounddevice"}
    assert declared("audio-language") == {"transformers", "peft"}


def test_only_training_shuts_newer_libraries_out():
    """fairseq2 pins torch, transformers and the client of the Hub: everything else runs with later ones."""
    libraries = ("torch>", "transformers", "huggingface_hub", "tokenizers", "packaging")
    lines = [line for lines in PROJECT["optional-dependencies"].values() for line in lines]
    bounds = {line for line in [*PROJECT["dependencies"], *lines] if line.startswith(libraries)}
    assert bounds == {
        "torch>=2.9.1",
        "transformers>=4.57,<6",
        "huggingface_hub>=0.34,<3",
        "tokenizers>=0.22,<1",
    }


def test_versions_agree():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert {"cff-version", "message", "title", "authors"} <= set(citation)
    assert (citation["version"], citation["license"]) == (PROJECT["version"], PROJECT["license"])


def test_no_module_imports_itself_by_way_of_others():
    """Imports inside functions and for type checkers count, too."""
    names = {file: str(file.with_suffix("")).replace("/", ".") for file in sources(*BELOW)}
    files = {name.removesuffix(".__init__"): file for file, name in names.items()}
    needs = {name: {one for one in imports(file) if one in files} - {name} for name, file in files.items()}
    while needs:
        leaves = {name for name, needed in needs.items() if not needed & set(needs)}
        assert leaves, f"these modules import each other: {', '.join(sorted(needs))}"
        needs = {name: needed for name, needed in needs.items() if name not in leaves}
