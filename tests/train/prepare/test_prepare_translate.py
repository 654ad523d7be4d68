"""Translations that replace references are those of the offline search, in any number of processes."""

import numpy as np
import pytest
import soundfile

from models.decoding.options import SearchOptions, StreamRequest
from models.decoding.search import StreamingSearch
from models.registry import load_translator
from models.sound.audio import read_audio
from models.translator import TranslatorOptions
from tests.models.tiny_reina import write_tiny_reina
from tests.models.tiny_text_translators import write_tiny_marian
from train.data.manifest import Row, read_manifest, write_manifest
from train.prepare import main
from train.prepare import translate as prepare_translate

SECONDS = {"a": 1.3, "b": 0.2, "c": 2.0, "d": 0.71, "e": 1.0}


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """With a policy, which has no say."""
    return write_tiny_reina(tmp_path_factory.mktemp("reina") / "tiny", seed=3, threshold=-9.0)


@pytest.fixture
def command(tmp_path, model):
    noise = np.random.default_rng(0)
    rows = []
    for name, seconds in SECONDS.items():
        path = tmp_path / f"{name}.flac"
        soundfile.write(path, 0.1 * noise.standard_normal(round(seconds * 16_000)), 16_000)
        texts = {"en": f"spoken {name}", "de": "eine Referenz"}
        rows.append(Row(name, texts, path, seconds, {"voice": "noise"}))
    write_manifest(tmp_path / "m.tsv", rows, ["en", "de"])
    files = ["--manifest", str(tmp_path / "m.tsv"), "--output", str(tmp_path / "out")]
    return ["translate", *files, "--model", str(model), "--targets", "de", "zh", "--beam", "2", "--jobs", "1"]


def test_every_clip_gets_what_offline_search_writes_of_it_alone(tmp_path, command, model):
    assert main(command) == 0
    manifest = read_manifest(tmp_path / "out/manifest.tsv", needs_audio=True)
    assert manifest.languages == ("en", "de", "zh")
    translator = load_translator(str(model), TranslatorOptions())
    search = StreamingSearch(translator, SearchOptions(beam=2, patience=3.0))
    assert [row.id for row in manifest.rows] == list(SECONDS)
    for row in manifest.rows:
        memory = translator.encode([read_audio(tmp_path / f"{row.id}.flac")])
        limit = max(8, round(12 * SECONDS[row.id]))
        for target in ("de", "zh"):
            request = StreamRequest(translator.tokenizer.prompt("en", target), (), True, limit)
            [found] = search.find(memory, [request])
            expected = translator.tokenizer.decode(list(found.tokens))
            assert row.texts[target] == " ".join(expected.split()) != "eine Referenz"
        assert row.texts["en"] == f"spoken {row.id}" and row.notes == {"voice": "noise"}
        assert row.audio == tmp_path / f"{row.id}.flac"
    assert len({row.texts["de"] for row in manifest.rows}) > 1


@pytest.mark.parametrize("executor", ["local", "submitit-local"])
def test_processes_and_interruptions_do_not_change_the_result(tmp_path, command, monkeypatch, executor):
    if executor != "local":
        pytest.importorskip("submitit")
    monkeypatch.setattr(prepare_translate, "ROWS_AT_ONCE", 2)
    assert main(command) == 0
    (tmp_path / "out").rename(tmp_path / "undisturbed")
    translate = prepare_translate.translate_rows

    def interrupted(rows, **settings):
        if rows[0].id == "e":
            raise KeyboardInterrupt
        return translate(rows, **settings)

    monkeypatch.setattr(prepare_translate, "translate_rows", interrupted)
    assert main(command) == 130
    monkeypatch.setattr(prepare_translate, "translate_rows", translate)
    assert main([*command, "--jobs", "2", "--executor", executor]) == 0
    for file in ("manifest.tsv", "skipped.tsv", "settings.json"):
        assert (tmp_path / "out" / file).read_bytes() == (tmp_path / "undisturbed" / file).read_bytes()


def test_beginnings_get_what_offline_search_writes_of_them_and_no_other_text(tmp_path, command, model):
    assert main([*command, "--truncations", "2", "--seed", "1"]) == 0
    rows = read_manifest(tmp_path / "out/manifest.tsv", needs_audio=True).rows
    # Of "b", shorter than a chunk, there is no beginning.
    cuts = {"a": (1000, 1250), "c": (1250, 1750), "d": (250, 500), "e": (250, 750)}
    expected = [f"{name}@{ms}" for name, cut_ms in cuts.items() for ms in cut_ms]
    assert [row.id for row in rows if row.heard_ms] == expected
    assert [row.id for row in rows if row.heard_ms is None] == list(SECONDS)
    translator = load_translator(str(model), TranslatorOptions())
    search = StreamingSearch(translator, SearchOptions(beam=2, patience=3.0))
    for row in rows:
        if row.heard_ms is None:
            continue
        heard = read_audio(tmp_path / f"{row.id[0]}.flac")[: row.heard_ms * 16]
        assert row.audio == tmp_path / f"{row.id[0]}.flac" and set(row.texts) == {"de", "zh"}
        for target, text in row.texts.items():
            limit = max(8, round(12 * row.heard_ms / 1000))
            request = StreamRequest(translator.tokenizer.prompt("en", target), (), True, limit)
            [found] = search.find(translator.encode([heard]), [request])
            assert text == " ".join(translator.tokenizer.decode(list(found.tokens)).split())
            # This model writes until the limit, where no text ends.
            assert len(found.tokens) == limit and not row.ends


def test_the_audio_says_where_a_beginning_ends_not_the_table(tmp_path, command):
    table = tmp_path / "m.tsv"
    table.write_text(table.read_text().replace("\t1.300\t", "\t20.000\t").replace("\t2.000\t", "\t\t"))
    assert main([*command, "--truncations", "2", "--seed", "1"]) == 0
    rows = read_manifest(tmp_path / "out/manifest.tsv", needs_audio=True).rows
    assert [row.heard_ms for row in rows if row.id[0] in "ac"] == [None, 1000, 1250, None, 1250, 1750]
    assert [row.seconds for row in rows if row.id[0] == "c"] == [2.0, 2.0, 2.0]  # measured


def test_beginnings_are_not_cut_again(tmp_path, command, capsys):
    table = tmp_path / "m.tsv"
    table.write_text(table.read_text().replace("\nc\t", "\nc@1250\t"))
    assert main([*command, "--truncations", "2"]) == 1
    assert "'c@1250' is the beginning of a clip already" in capsys.readouterr().err


def test_word_times_go_with_the_words_that_they_are_of(tmp_path, command):
    table = tmp_path / "m.tsv"
    head, *lines = table.read_text().splitlines()
    times = [f"{line}\t100 200" for line in lines]
    table.write_text("\n".join([f"{head}\tword_ends_ms", *times]) + "\n")
    assert main(command) == 0
    kept = read_manifest(tmp_path / "out/manifest.tsv").rows
    assert all(row.notes["word_ends_ms"] == "100 200" for row in kept)
    assert main([*command, "--truncations", "1", "--overwrite"]) == 0
    kept = read_manifest(tmp_path / "out/manifest.tsv").rows
    assert {row.heard_ms is None: "word_ends_ms" in row.notes for row in kept} == {True: True, False: False}


def test_a_table_of_audio_alone_is_enough(tmp_path, command):
    lines = [line.split("\t")[:2] for line in (tmp_path / "m.tsv").read_text().splitlines()]
    (tmp_path / "m.tsv").write_text("".join("\t".join(line) + "\n" for line in lines))
    assert main(command) == 0
    rows = read_manifest(tmp_path / "out/manifest.tsv", needs_audio=True).rows
    assert {row.id: row.seconds for row in rows} == SECONDS
    assert all(set(row.texts) == {"de", "zh"} for row in rows)


def test_a_language_named_twice_is_written_once(tmp_path, command):
    command[command.index("zh")] = "de"
    assert main(command) == 0
    assert read_manifest(tmp_path / "out/manifest.tsv").languages == ("en", "de")


def test_clips_that_cannot_be_translated_are_listed(tmp_path, command, monkeypatch, capsys):
    (tmp_path / "b.flac").write_bytes(b"no audio")
    longest = prepare_translate.StreamingSearch

    def short_window(translator, options):
        translator.maximum_audio_ms = 1500.0
        return longest(translator, options)

    monkeypatch.setattr(prepare_translate, "StreamingSearch", short_window)
    assert main(command) == 0
    lines = [line.split("\t") for line in (tmp_path / "out/skipped.tsv").read_text().splitlines()[1:]]
    assert [line[:2] for line in lines] == [["b", "unusable audio"], ["c", "longer than the model's 1.5 s"]]
    assert [row.id for row in read_manifest(tmp_path / "out/manifest.tsv").rows] == ["a", "d", "e"]
    assert "3 clips in de, zh" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["--model", "nowhere"], "model 'nowhere' was not found"),
        (["--targets", "ja"], "language 'ja' is not known to this model"),
        (["--targets", "zh_TW"], "'zh_TW' cannot name a language's column of a manifest: write zh"),
        (["--source", "de"], "the model writes 'de' but does not understand it"),
        (["--beam", "0"], "--beam must be at least 1, got 0"),
        (["--device", "cuda:7"], "device 'cuda:7' cannot be used here"),
    ],
)
def test_what_cannot_be_used_is_refused_before_work_starts(changes, message, tmp_path, command, capsys):
    assert main([*command, *changes]) == 1
    assert message in capsys.readouterr().err
    assert not list(tmp_path.glob("out*"))


def test_a_model_of_texts_is_refused_before_work_starts(tmp_path, command, capsys):
    model = write_tiny_marian(tmp_path / "marian")
    assert main([*command, "--model", str(model), "--targets", "de"]) == 1
    assert "translates text and hears nothing: give one that hears clips" in capsys.readouterr().err
    assert not list(tmp_path.glob("out*"))
