"""Stored frames are those that the encoder gives for each version alone, in the manifest's order."""

import json

import numpy as np
import pytest
import soundfile
import torch

from foundation.errors import InputError
from models.sound.log_mel import log_mel_spectrogram
from models.whisper.hearing import PLAIN
from tests.models.tiny_reina import write_tiny_reina
from tests.models.tiny_whisper import write_tiny_whisper
from train.data import frame_encoders
from train.data.clip_versions import encoder_frames, heard_samples
from train.data.encoder_cache import EncoderCache, FrozenEncoder, encoder_sha256
from train.data.frame_encoders import batches, load_encoder
from train.data.manifest import Row, write_manifest
from train.prepare import encode as prepare_encode
from train.prepare import main
from train.recipes.start_model import open_model

SECONDS = {"a": 1.3, "b": 0.2, "c": 2.0, "d": 0.71, "e": 1.0}


@pytest.fixture(scope="module")
def whisper(tmp_path_factory):
    return write_tiny_whisper(tmp_path_factory.mktemp("whisper") / "tiny", n_audio_ctx=150)


@pytest.fixture
def command(tmp_path, whisper):
    noise = np.random.default_rng(0)
    rows = []
    for name, seconds in SECONDS.items():
        path = tmp_path / f"{name}.flac"
        soundfile.write(path, 0.1 * noise.standard_normal(round(seconds * 16_000)), 16_000)
        rows.append(Row(name, {"en": "x"}, path, seconds))
    write_manifest(tmp_path / "m.tsv", rows, ["en"])
    files = ["--manifest", str(tmp_path / "m.tsv"), "--output", str(tmp_path / "out")]
    return ["encode", *files, "--whisper", str(whisper), "--truncations", "2", "--jobs", "1"]


def index_of(folder):
    lines = (folder / "index.tsv").read_text().splitlines()
    assert lines[0] == "id\tversion\theard_samples\tsamples\toffset\tframes"
    return [(line.split("\t")[0], *map(int, line.split("\t")[1:])) for line in lines[1:]]


def test_each_version_is_what_the_encoder_says_of_it_alone(tmp_path, command, whisper):
    assert main(command) == 0
    assert float("1e-320") > 0  # in this process numbers near 0 are again what they were
    stored = np.fromfile(tmp_path / "out/frames.f16", "<f2").reshape(-1, 32)
    encoder = load_encoder(str(whisper))
    index = index_of(tmp_path / "out")
    assert [(row[0], row[1]) for row in index] == [
        (name, version) for name in SECONDS for version in range(3)
    ]
    end = 0
    for name, _, heard, samples, offset, frames in index:
        assert samples == round(SECONDS[name] * 16_000) and offset == end
        audio = torch.from_numpy(soundfile.read(tmp_path / f"{name}.flac", dtype="float32")[0])
        expected = encoder(log_mel_spectrogram(audio[:heard])[None])[0]
        assert len(expected) == frames
        assert np.abs(stored[offset : offset + frames].astype(np.float32) - expected.numpy()).max() < 5e-3
        end += frames
    assert end == len(stored)


def test_versions_are_whole_or_cut_to_chunks_by_seed_and_id_alone():
    heard = heard_samples("a", 20_000, 50, seed=0)
    assert heard[0] == 20_000 and set(heard[1:]) == {4000, 8000, 12_000, 16_000, 20_000}
    assert heard_samples("a", 20_000, 3, seed=0) == heard[:4]
    assert heard_samples("b", 20_000, 50, seed=0) != heard != heard_samples("a", 20_000, 50, seed=1)
    assert heard_samples("multi30k_val_00000", 49_200, 2, seed=0) == [49_200, 4000, 16_000]
    assert [encoder_frames(samples) for samples in (1, 160, 161, 320, 321, 49_200)] == [1, 1, 1, 1, 2, 154]


def test_training_reads_the_folder(tmp_path, command, whisper):
    assert main([*command, "--precision", "bfloat16"]) == 0
    clip = EncoderCache(tmp_path / "out")["c"]
    assert [clip.frames_of(version).shape for version in range(3)] == [
        (encoder_frames(version.heard_samples), 32) for version in clip.versions
    ]
    about = json.loads((tmp_path / "out/cache.json").read_text())
    assert about.pop("manifest_sha256") and about.pop("encoder_sha256") == encoder_sha256(
        load_encoder(str(whisper))
    )
    assert about == {
        "width": 32,
        "frame_ms": 20,
        "chunk_ms": 250,
        "truncations": 2,
        "seed": 0,
        "precision": "bfloat16",
        "hearing": PLAIN.described(),
    }
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        *("frames.f16", "index.tsv", "cache.json", "skipped.tsv"),
    }


def test_the_encoder_may_be_that_of_a_reina(tmp_path, command):
    folder = write_tiny_reina(tmp_path / "reina")
    command[command.index("--whisper") + 1] = str(folder)
    assert main(command) == 0
    encoder = open_model(folder).model.encoder
    width = encoder.ln_post.normalized_shape[0]
    assert "a" in EncoderCache(tmp_path / "out", FrozenEncoder(width, 20.0, encoder))


def test_a_cache_of_other_weights_is_refused(tmp_path, command, whisper):
    assert main(command) == 0
    of_half = FrozenEncoder(32, 20.0, load_encoder(str(whisper)).half())
    assert "a" in EncoderCache(tmp_path / "out", of_half)
    other = load_encoder(str(whisper))
    with torch.no_grad():
        other.conv1.bias[0] += 0.01
    with pytest.raises(InputError, match="other weights than the model's: make a cache with this model"):
        EncoderCache(tmp_path / "out", FrozenEncoder(32, 20.0, other))


@pytest.mark.parametrize("executor", ["local", "submitit-local"])
def test_processes_and_interruptions_do_not_change_the_result(tmp_path, command, monkeypatch, executor):
    if executor != "local":
        pytest.importorskip("submitit")
    monkeypatch.setattr(prepare_encode, "ROWS_AT_ONCE", 2)
    assert main(command) == 0
    (tmp_path / "out").rename(tmp_path / "undisturbed")
    encode = prepare_encode.encode_rows

    def interrupted(rows, **settings):
        if rows[0].id == "e":
            raise KeyboardInterrupt
        return encode(rows, **settings)

    monkeypatch.setattr(prepare_encode, "encode_rows", interrupted)
    assert main(command) == 130
    frames = tmp_path / "out.unfinished/frames.f16"
    frames.write_bytes(frames.read_bytes() + b"what a kill left behind" * 9999)
    monkeypatch.setattr(prepare_encode, "encode_rows", encode)
    assert main([*command, "--jobs", "2", "--executor", executor]) == 0
    for file in ("frames.f16", "index.tsv", "cache.json"):
        assert (tmp_path / "out" / file).read_bytes() == (tmp_path / "undisturbed" / file).read_bytes()


def test_clips_that_cannot_be_encoded_are_listed(tmp_path, command):
    soundfile.write(tmp_path / "c.flac", np.zeros(16_000 * 4), 16_000)
    (tmp_path / "b.flac").write_text("no audio")
    lines = (tmp_path / "m.tsv").read_text().splitlines()
    (tmp_path / "m.tsv").write_text("\n".join([*lines, "f\t\t\tx"]) + "\n")
    assert main(command) == 0
    assert {row[0] for row in index_of(tmp_path / "out")} == {"a", "d", "e"}
    skipped = [line.split("\t")[:2] for line in (tmp_path / "out/skipped.tsv").read_text().splitlines()[1:]]
    assert skipped == [["b", "unusable audio"], ["c", "longer than the encoder's 3 s"], ["f", "no audio"]]


def test_missing_clips_are_named_at_once(tmp_path, command, capsys):
    (tmp_path / "a.flac").unlink()
    (tmp_path / "d.flac").unlink()
    assert main(command) == 1
    message = capsys.readouterr().err
    assert "names 2 audio files that do not exist" in message and "a.flac" in message and "d.flac" in message


def test_other_settings_do_not_continue_the_work(tmp_path, command, monkeypatch, capsys):
    monkeypatch.setattr(prepare_encode, "ROWS_AT_ONCE", 2)
    monkeypatch.setattr(prepare_encode, "summary", None)

    def full(self, encoded, write=prepare_encode.FrameFile.write_frames):
        if self.frames:
            raise OSError("no space left")
        return write(self, encoded)

    monkeypatch.setattr(prepare_encode.FrameFile, "write_frames", full)
    assert main(command) == 1
    assert "error: no space left" in capsys.readouterr().err
    assert main([*command, "--seed", "1"]) == 1
    assert "was begun with seed 0, now it is 1" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--whisper", "no-such-model"], "model 'no-such-model' was not found"),
        (["--device", "gpu"], "device 'gpu' cannot be used here"),
        (["--truncations", "-1"], "--truncations must be at least 0, got -1"),
    ],
)
def test_bad_commands_are_one_line(tmp_path, command, more, message, capsys):
    assert main([*command, *more]) == 1
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_batches_hold_all_clips_by_length_within_their_size(monkeypatch):
    monkeypatch.setattr(frame_encoders, "BATCH_FRAMES", 100)
    assert list(batches([50, 10, 30, 20, 120, 25])) == [[1, 3, 5], [2, 0], [4]]
    assert list(batches([])) == []
