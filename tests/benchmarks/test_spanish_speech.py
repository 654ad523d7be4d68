"""The sentences, their files and their references belong together; a failing command leaves nothing."""

import numpy as np
import pytest
import soundfile

from benchmarks.spanish_speech import SENTENCES, main


def test_lists_and_audio_belong_together(tmp_path):
    soundfile.write(tmp_path / "tone.wav", np.zeros(16_000), 16_000)
    main(["--output", str(tmp_path / "out"), "--command", f"cp {tmp_path / 'tone.wav'} {{wav}}"])
    names = ("source", "target.es", "target.en")
    lists = [(tmp_path / f"out/{name}.txt").read_text().splitlines() for name in names]
    assert list(zip(lists[1], lists[2], strict=True)) == list(SENTENCES)
    assert [soundfile.info(path).duration for path in lists[0]] == [1.0] * len(SENTENCES)


def test_the_command_gets_the_sentence_as_one_word(tmp_path):
    with pytest.raises(SystemExit, match="3 words"):
        script = "echo $# words >&2; exit 1"
        main(["--output", str(tmp_path / "out"), "--command", f"sh -c '{script}' sh -v {{wav}} {{text}}"])


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("no-such-synthesiser {wav} {text}", "No such file.*install it"),
        ("false", "exit status 1"),
        ("true", "no such file"),
        ("say 'unbalanced", "No closing quotation"),
        ("touch {wav}", "is an empty file"),
    ],
)
def test_a_failing_command_leaves_nothing(tmp_path, command, message):
    with pytest.raises(SystemExit, match=f"^error: .*{message}"):
        main(["--output", str(tmp_path / "out"), "--command", command])
    assert list(tmp_path.iterdir()) == []


def test_an_existing_output_is_not_touched(tmp_path):
    with pytest.raises(SystemExit, match="exists: name another output"):
        main(["--output", str(tmp_path)])
