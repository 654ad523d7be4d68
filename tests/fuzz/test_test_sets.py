"""Lists of test sets and tables of points, damaged at random: they are read, or refused in one line."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from agents.test_set.input_lists import check_test_set, read_audio_list, read_references, reference_warnings
from evaluation.commands import nose
from evaluation.commands.nose_arguments import NoseArguments
from foundation.errors import InputError
from tests.fuzz.mutations import check_reader

REFERENCES = 'A man, "quoted".\nZwei Hunde.\n\nÜber 9 Katzen.\r\n'.encode()
POINTS = b"latency\tquality\tsetting\tother\n1.27\t22.89\tk=3\ta\n2.33\t24.41\tk=5\t\n3.5\t25\tk=7\tb\n"


@pytest.fixture
def audio(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    soundfile.write("a.wav", np.full(160, 0.1, np.float32), 16_000)
    return tmp_path / "a.wav"


def test_a_damaged_list_of_audio_files_is_read_or_refused(audio):
    def read(path: Path) -> None:
        entries = read_audio_list(str(path))
        assert entries and all(entry.strip() == entry != "" for entry in entries)
        Path("references.txt").write_text("One.\n" * len(entries))
        try:
            check_test_set(str(path), "references.txt", 30_000)
        except InputError as error:
            # All files that cannot be used, a line each, stand behind the first.
            assert str(error).count("\n") <= 11 and len(str(error)) < 30_000
            raise InputError(str(error).partition("\n")[0]) from None

    check_reader(read, audio.parent / "list.txt", b"a.wav\n./a.wav\n" + bytes(audio) + b"\n")


def test_a_damaged_list_of_references_is_read_or_refused(tmp_path):
    def read(path: Path) -> None:
        references = read_references(str(path))
        for one in references:
            assert one == " ".join(one.split()) and one[:1] != "\ufeff"
        assert references[-1] and len(reference_warnings(str(path))) <= 2

    check_reader(read, tmp_path / "references.txt", REFERENCES)


def test_damaged_points_are_scored_or_refused(tmp_path, capsys):
    def read(path: Path) -> None:
        nose.run(NoseArguments(points=(str(path),), offline=(26.5,)))
        shown = capsys.readouterr().out.split("\n")[-2]
        assert 0 <= float(shown.split(" ")[0]) < 1e300, shown

    check_reader(read, tmp_path / "points.tsv", POINTS, name="points")
