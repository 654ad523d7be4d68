"""What tests of prepared corpora share: tones, tables, the command, and what it leaves."""

import numpy as np
import soundfile

from train.data.manifest import read_manifest
from train.prepare import main


def tone(path, seconds=1.0, rate=16_000, hertz=440.0, **form):
    path.parent.mkdir(parents=True, exist_ok=True)
    time = np.arange(round(seconds * rate)) / rate
    soundfile.write(path, 0.5 * np.sin(2 * np.pi * hertz * time), rate, **form)


def write(path, *lines):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    return str(path)


def prepare(*arguments):
    assert main([*map(str, arguments), "--jobs", "1"]) == 0


def rows_of(folder):
    return {row.id: row for row in read_manifest(folder / "manifest.tsv", needs_audio=True).rows}


def skipped_of(folder):
    lines = (folder / "skipped.tsv").read_text().splitlines()
    assert lines[0] == "id\treason\tdetail"
    return {line.split("\t")[0]: line.split("\t")[1] for line in lines[1:]}
