"""YAML: numbers as they look, each key once, and one line for whatever is wrong."""

import pytest
import yaml

from foundation.errors import InputError
from foundation.files.yaml_files import dump_yaml, load_yaml, parse_scalar, read_yaml, read_yaml_list


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("0500", 500),
        ("-007", -7),
        ("30_000", 30_000),
        ("1e-3", 0.001),
        ("1.5", 1.5),
        (".5", 0.5),
        ("12e03", 12000.0),
        ("-.inf", float("-inf")),
        ("1:30", "1:30"),
        ("1:30.5", "1:30.5"),
        ("0x1F", "0x1F"),
        ("0x_", "0x_"),
        ("0b1", "0b1"),
        ("0o17", "0o17"),
        ("2020-13-45", "2020-13-45"),
        ("2020-01-01", "2020-01-01"),
        ("1_", "1_"),
        ("true", True),
        ("no", False),
        ("~", None),
        ("zh", "zh"),
        ("1.2.3", "1.2.3"),
    ],
)
def test_scalars_mean_what_they_look_like(word, value):
    assert parse_scalar(word) == value and type(parse_scalar(word)) is type(value)


@pytest.mark.parametrize("loader", [read_yaml, read_yaml_list])
@pytest.mark.parametrize(
    "value",
    [
        *("!!int x", "!!int 0x_", "!!timestamp x", "!!timestamp 2020-13-45", "!!bool maybe", "!!float x"),
        *("!!binary 1", "!!python/object:os.system x", "!unknown x", "!!set [a]", "!!omap {a: 1}"),
        *("[" * 5000, "[" * 5000 + "]" * 5000, "{a: " * 5000, "[", "*unknown", "\x01", "'", "@a", "9" * 5000),
    ],
    ids=lambda value: value[:20],
)
def test_what_pyyaml_raises_is_one_line(tmp_path, loader, value):
    file = tmp_path / "mine.yaml"
    file.write_text(f"k: {value}\n" if loader is read_yaml else f"- {value}\n")
    with pytest.raises(InputError, match="mine.yaml") as caught:
        loader(file)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 1000


def test_a_key_stands_once(tmp_path):
    for text in ("a: 1\na: 2\n", "b: {a: 1, a: 2}\n"):
        with pytest.raises(InputError, match="key 'a' is given twice"):
            load_yaml(text, "mine.yaml")


def test_a_byte_order_mark_is_no_part_of_the_first_key(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_bytes(b"\xef\xbb\xbfagent: waitk\n")
    assert read_yaml(file) == {"agent": "waitk"}


def test_a_path_that_cannot_be_read_is_named(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_bytes(b"\xff\xfe")
    for path, message in (
        (tmp_path / "none.yaml", "none.yaml does not exist"),
        (tmp_path, "is no text file"),
        (file, "mine.yaml is no text file"),
        (tmp_path / ("a" * 300), "cannot be read"),
        (tmp_path / "a\0b", "cannot be read"),
    ):
        with pytest.raises(InputError, match=message):
            read_yaml(path)


def test_the_parser_in_c_reads_numbers_alike(tmp_path):
    file = tmp_path / "talks.yaml"
    file.write_text("- {duration: 3.5, offset: 0012, wav: 1:30}\n")
    assert read_yaml_list(file) == [{"duration": 3.5, "offset": 12, "wav": "1:30"}]


@pytest.mark.parametrize("reader", [yaml.safe_load, lambda text: load_yaml(text, "")], ids=["PyYAML", "ours"])
def test_what_is_written_is_read_as_the_same(reader):
    texts = [
        "1e-3",
        "0500",
        "1:30",
        "0x1F",
        "1_0",
        "2020-01-01",
        "no",
        "~",
        "1.",
        ".5",
        "",
        "a: b",
        "é",
        "08",
    ]
    values = {"texts": texts, "numbers": [0.1, 1e-05, 1e20, -3, 500, True, None], "k": "2.50"}
    assert reader(dump_yaml(values)) == values
    assert list(map(type, reader(dump_yaml(values))["numbers"])) == [
        float,
        float,
        float,
        int,
        int,
        bool,
        type(None),
    ]


def test_ordinary_values_are_written_without_quotes():
    assert dump_yaml({"agent": "waitk", "k": 3, "alpha": 0.1, "output": None}) == (
        "agent: waitk\nk: 3\nalpha: 0.1\noutput: null\n"
    )
