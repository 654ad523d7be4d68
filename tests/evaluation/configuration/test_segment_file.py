"""Segment files and the recordings they name: YAML and TSV alike, and one message for each fault."""

import logging

import numpy as np
import pytest
import soundfile

from evaluation.configuration import test_set_files
from evaluation.configuration.evaluation_file import configure
from evaluation.configuration.recordings import read_recordings
from evaluation.configuration.segment_file import read_segments
from evaluation.configuration.test_set_files import check_files_exist
from foundation.errors import InputError

YAML = """\
- {duration: 1.5, offset: 0.25, speaker_id: spk.1, wav: a.wav}
- {duration: 1, offset: 2, wav: a.wav, rW: 17}
- {wav: b.wav, offset: 0.0, duration: 0.9}
"""
TSV = "wav\toffset\tduration\tspeaker\na.wav\t0.25\t1.5\tx\na.wav\t2\t1\tx\nb.wav\t0.0\t0.9\ty\n"
PLAIN = [("a.wav", 0.25, 1.5), ("a.wav", 2.0, 1.0), ("b.wav", 0.0, 0.9)]
SECONDS = {"a.wav": 3.2, "b.wav": 1.0}


def write(path, text):
    path.write_text(text, encoding="utf-8")
    return path


def fault(tmp_path, text, name="s.yaml"):
    """The message about a segment file of that text."""
    with pytest.raises(InputError) as raised:
        read_segments(write(tmp_path / name, text))
    return str(raised.value).replace(f"{tmp_path}/", "")


def write_audio(folder, seconds=SECONDS):
    folder.mkdir(parents=True, exist_ok=True)
    for name, length in seconds.items():
        soundfile.write(folder / name, np.zeros(int(16_000 * length), np.float32), 16_000)


def evaluation(tmp_path, references="eins\nzwei\ndrei\n", **keys):
    """The options of an evaluation over these segments, whose audio lies beside them."""
    paths = {
        "segments": str(write(tmp_path / "segments.yaml", YAML)),
        "target": str(write(tmp_path / "target.txt", references)),
    }
    return configure({"agent": "waitk"} | paths | keys, "a test").evaluation


@pytest.mark.parametrize(("name", "text"), [("s.yaml", YAML), ("s.tsv", TSV)])
def test_yaml_and_tsv_say_the_same(tmp_path, name, text):
    segments = read_segments(write(tmp_path / name, text))
    assert [(one.wav, one.offset_s, one.duration_s) for one in segments] == PLAIN


def test_json_will_do(tmp_path):
    text = '[{"wav": "a.wav", "offset": 0.25, "duration": 1.5}]'
    assert read_segments(write(tmp_path / "s.json", text))[0].end_s == 1.75


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[]\n", "s.yaml holds no segments"),
        ("wav: a.wav\n", "s.yaml must hold a list"),
        ("- {wav: a.wav, offset: 1}\n", "s.yaml entry 1 has no wav, offset and duration"),
        (
            "- {wav: a.wav, offset: 1:30, duration: 1}\n",
            "entry 1: offset must be a number of seconds, got '1:30'",
        ),
        (
            "- {wav: a.wav, offset: .nan, duration: 1}\n",
            "entry 1: offset must be a number of seconds, got nan",
        ),
        (
            f"- {{wav: a.wav, offset: {'9' * 400}, duration: 1}}\n",
            "entry 1: offset must be a number of seconds",
        ),
        ("- {wav: a.wav, offset: 1, duration: 0}\n", "entry 1 lasts 0 s from 1 s on"),
        ("- {wav: a.wav, offset: -1, duration: 2}\n", "entry 1 lasts 2 s from -1 s on"),
        ("- {wav: '', offset: 1, duration: 2}\n", "entry 1: wav must be the name of an audio file, got ''"),
        (
            "- {wav: a.wav, offset: 5, duration: 2}\n- {wav: a.wav, offset: 1, duration: 2}\n",
            "entry 2 begins at 1 s, before the segment above it (5 s): sort the segments by time",
        ),
        (
            "".join(f"- {{wav: {name}.wav, offset: {at}, duration: 1}}\n" for at, name in enumerate("aba")),
            "entry 3: a.wav had other recordings behind it already: put all segments of a recording together",
        ),
    ],
)
def test_a_faulty_segment_is_named(tmp_path, text, said):
    assert said in fault(tmp_path, text)


def test_a_faulty_row_is_named(tmp_path):
    assert "s.tsv line 2: offset must be a number" in fault(
        tmp_path, "wav\toffset\tduration\na.wav\tx\t1\n", "s.tsv"
    )
    assert "column 'duration'" in fault(tmp_path, "wav\toffset\na.wav\t1\n", "s.tsv")


def test_overlaps_are_counted_in_one_warning(tmp_path, caplog):
    write_audio(tmp_path)
    options = evaluation(tmp_path)
    text = YAML.replace("1.5", "2.0")
    write(tmp_path / "segments.yaml", text)
    with caplog.at_level(logging.WARNING):
        check_files_exist([options])
    [message] = caplog.messages
    assert "1 of 3 segments begin before the one before has ended (entry 2 first)" in message


def test_recordings_lie_beside_the_segments_or_in_the_folder_wav_or_where_it_is_said(tmp_path):
    write_audio(tmp_path / "beside")
    write_audio(tmp_path / "mustc" / "wav")
    (tmp_path / "mustc" / "txt").mkdir()
    (tmp_path / "nothing").mkdir()
    for folder, where, keys in (
        ("beside", "beside", {}),
        ("mustc/txt", "mustc/wav", {}),
        ("nothing", "beside", {"audio_folder": str(tmp_path / "beside")}),
    ):
        options = evaluation(tmp_path / folder, **keys)
        check_files_exist([options])
        paths = [one.path for one in read_recordings(options)]
        assert paths == [str(tmp_path / where / name) for name in SECONDS]


def test_references_are_joined_for_each_recording(tmp_path):
    options = evaluation(tmp_path)
    assert test_set_files.references(options) == ["eins zwei", "drei"]
    options = evaluation(tmp_path, references="今天 好\n\n好\n", target_language="zh")
    assert test_set_files.references(options) == ["今天好", "好"]


def said_before_a_run(options):
    with pytest.raises(InputError) as raised:
        check_files_exist([options])
    return str(raised.value)


def test_missing_recordings_are_counted(tmp_path):
    write_audio(tmp_path, {"a.wav": 3.2})
    said = said_before_a_run(evaluation(tmp_path))
    assert "1 of 2 recordings of" in said and "b.wav" in said and "audio_folder" in said


def test_two_names_of_one_file_are_refused(tmp_path):
    """It would be run twice, and each time all that is said aligned with a part of the references."""
    write_audio(tmp_path)
    options = evaluation(tmp_path)
    write(tmp_path / "segments.yaml", YAML.replace("b.wav", "./a.wav"))
    assert "entry 3: './a.wav' and 'a.wav' are one file" in said_before_a_run(options)


def test_a_name_that_no_file_can_have_is_missing(tmp_path):
    write_audio(tmp_path)
    options = evaluation(tmp_path)
    write(tmp_path / "segments.yaml", YAML.replace("b.wav", "b" * 5000))
    assert "1 of 2 recordings of" in said_before_a_run(options)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        ({"a.wav": 1.9}, "entry 2 lies at 2 to 3 s, but"),
        ({"a.wav": 2.4}, "a.wav ends at 2.40 s: is it another recording, or was it cut?"),
    ],
)
def test_segments_outside_the_audio_are_refused(tmp_path, seconds, said):
    write_audio(tmp_path, SECONDS | seconds)
    assert said in said_before_a_run(evaluation(tmp_path))


def test_a_segment_that_ends_a_little_late_is_warned_of(tmp_path, caplog):
    write_audio(tmp_path, SECONDS | {"a.wav": 2.8})
    with caplog.at_level(logging.WARNING):
        check_files_exist([evaluation(tmp_path)])
    assert any(
        "1 segments end up to 0.5 s behind their audio (entry 2 first)" in one for one in caplog.messages
    )


def test_audio_whose_header_promises_more_is_refused(tmp_path):
    write_audio(tmp_path)
    whole = (tmp_path / "a.wav").read_bytes()
    (tmp_path / "a.wav").write_bytes(whole[: len(whole) // 2])
    assert "a.wav is cut off" in said_before_a_run(evaluation(tmp_path))


@pytest.mark.parametrize(("references", "count"), [("eins\nzwei\n", 2), ("1\n2\n3\n4\n", 4)])
def test_as_many_references_as_segments_are_needed(tmp_path, references, count):
    write_audio(tmp_path)
    said = said_before_a_run(evaluation(tmp_path, references=references))
    assert f"lists 3 segments but {tmp_path}/target.txt has {count} references" in said


def test_a_recording_without_any_reference_is_refused(tmp_path):
    write_audio(tmp_path)
    assert "all 1 references of b.wav are blank" in said_before_a_run(
        evaluation(tmp_path, references="1\n2\n\n")
    )


def test_recordings_outside_the_range_need_not_be_there(tmp_path):
    write_audio(tmp_path, {"a.wav": 3.2})
    check_files_exist([evaluation(tmp_path, end_index=1)])


def test_without_omnisteval_nothing_begins(tmp_path, monkeypatch):
    write_audio(tmp_path)
    monkeypatch.setattr(test_set_files, "version", lambda name: "0.1.9")
    assert "OmniSTEval from 0.1.10 on, but 0.1.9 is here" in said_before_a_run(evaluation(tmp_path))

    def missing(name):
        raise test_set_files.PackageNotFoundError(name)

    monkeypatch.setattr(test_set_files, "version", missing)
    said = said_before_a_run(evaluation(tmp_path))
    assert "OmniSTEval, which is not installed: pip install 'omnisteval>=0.1.10'" in said


def test_without_perl_words_cannot_be_split(tmp_path, monkeypatch):
    write_audio(tmp_path)
    monkeypatch.setattr(test_set_files.shutil, "which", lambda name: None)
    assert "install Perl, or set alignment_tokenizer to none" in said_before_a_run(evaluation(tmp_path))
    check_files_exist([evaluation(tmp_path, alignment_tokenizer="none")])


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"source": "s.txt"}, "source and segments both name the audio: leave source out"),
        ({"latency_metrics": ["AL"]}, "latency metric AL is not of long recordings: with segments give"),
        ({"latency_metrics": ["NoSE"]}, "`simulst nose` scores curves of them"),
        ({"no_use_ref_len": True}, "no_use_ref_len does not go with segments"),
        ({"segments": None, "source": "s", "audio_folder": "x"}, "audio_folder is for long recordings"),
        ({"segments": None, "source": "s", "latency_metrics": ["LongYAAL"]}, "give their segments"),
        ({"segments": None}, "source is missing"),
    ],
)
def test_options_that_do_not_go_together_are_refused(tmp_path, keys, said):
    with pytest.raises(InputError, match=said):
        evaluation(tmp_path, **keys)


def test_defaults_go_by_the_test_set(tmp_path):
    options = evaluation(tmp_path)
    assert options.latency_metrics == ("LongYAAL", "StreamLAAL")
    assert options.alignment_tokenizer == "moses"
    assert evaluation(tmp_path, target_language="ja").alignment_tokenizer == "none"
    lists = configure({"agent": "waitk", "source": "s", "target": "t"}, "a test").evaluation
    assert lists.latency_metrics == ("AL", "LAAL", "DAL") and lists.alignment_tokenizer is None
