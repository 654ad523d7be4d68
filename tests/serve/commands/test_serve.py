"""The command `simulst serve`, as it is typed."""

import asyncio
import csv
import re
import shlex
import signal
import socket
import subprocess
import sys

import pytest

pytest.importorskip("uvicorn", reason="the server is not installed: pip install -e '.[serve]'")

import websockets

from agents.holdn_agent import HoldNPolicy
from foundation.errors import InputError
from foundation.files.yaml_files import read_yaml
from models.languages import LanguagePair
from serve.commands.serve import run
from serve.commands.serve_arguments import ServeArguments
from serve.served_configuration import served_configuration
from serve.web.policy_catalog import LADDERS, PolicyCatalog
from tests.evaluation.tiny_evaluation import ROOT, run_command
from tests.serve.web.conftest import connect, text

README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_command_of_the_readme_serves_and_says_goodbye(captions, written):
    [line] = re.findall(r"^simulst serve$", README, re.MULTILINE)
    words = [sys.executable, "-m", *shlex.split(line), "--port", "0"]
    server = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        ready = server.stdout.readline()
        port = re.fullmatch(r"ready at http://127.0.0.1:(\d+)/\n", ready).group(1)
        uri = f"ws://127.0.0.1:{port}/"

        async def talk():
            said = await text(uri, captions["caption_1"][:40_000])
            async with connect(uri) as client:
                server.send_signal(signal.SIGTERM)
                with pytest.raises(websockets.ConnectionClosed) as closed:
                    await client.recv()
            return said, closed.value.rcvd.code

        said, code = asyncio.run(talk())
        assert said.split()[:2] == written(captions["caption_1"]).words[:2] == ["Eine", "Frau"]
        assert code == 1012  # the service restarts
        assert server.wait(60) in (0, 143, -signal.SIGTERM)
    finally:
        server.kill()
        server.wait()


def test_a_port_that_is_taken_is_told_before_anything_is_loaded():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = run_command("simulst", "serve", "--port", str(port))
    assert done.returncode == 1
    assert done.stderr == (
        f"error: cannot listen at 127.0.0.1 port {port} (Address already in use): give another --host or "
        "--port\n"
    )


def test_an_evaluation_file_is_served_without_its_test_set():
    configuration = served_configuration(ROOT / "eval_configs" / "reina.yaml", {"chunk_ms": ["500"]})
    assert configuration.agent == "reina" and configuration.agent_options.chunk_ms == 500
    assert configuration.agent_options.target_language == "de"
    assert served_configuration(None, {}).history.history == "pauses"
    # By pauses it would have to hear where nobody speaks.
    assert served_configuration(None, {"decode_silence": []}).history.history is None


def test_a_model_alone_runs_the_agent_that_any_model_can_and_transcribes():
    """As with `simulst translate --model`; the shipped models translate."""
    alone = served_configuration(None, {"model": ["openai/whisper-tiny.en"]})
    assert (alone.agent, alone.languages) == ("alignatt", LanguagePair("en", "en"))
    shipped = served_configuration(None, {})
    assert (shipped.agent, shipped.languages) == ("reina", LanguagePair("en", "de"))
    named = served_configuration(None, {"model": ["openai/whisper-tiny.en"], "agent": ["edatt"]})
    assert named.agent == "edatt"


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"tls_key": ROOT / "README.md"}, "--tls-key goes with --tls-certificate"),
        ({"token_file": ROOT / "no"}, "does not exist"),
        ({"clients": 0}, "clients must be at least 1, got 0"),
        ({"idle_s": 0.0}, "idle_s must be above 0, got 0"),
        ({"host": " "}, "--host is empty: give 127.0.0.1, or 0.0.0.0 for all addresses of this machine"),
        ({"origins": ("a.org",)}, "--origins a.org is no origin: give it like https://a.org"),
        ({"origins": ("https://a.org/",)}, "--origins https://a.org/ is no origin"),
        ({"origins": ("https://[",)}, "--origins https://[ is no origin"),
    ],
)
def test_options_that_cannot_be(options, error):
    with pytest.raises(InputError, match=re.escape(error)):
        ServeArguments(**options)


def test_a_token_that_is_no_text_is_told(tmp_path):
    (tmp_path / "token").write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="is no text that can be read"):
        ServeArguments(token_file=tmp_path / "token")


@pytest.mark.parametrize(
    ("option", "error"),
    [
        ("session_log", "cannot be written (Is a directory): give another path"),
        ("tls_certificate", "cannot be used ("),
    ],
)
def test_files_that_cannot_be_used_are_told_before_anything_is_loaded(option, error, tmp_path, monkeypatch):
    def load_nothing(*_):
        raise AssertionError("a model is loaded")

    monkeypatch.setattr("serve.served_agent.served_agent", load_nothing)
    path = tmp_path if option == "session_log" else ROOT / "README.md"
    with pytest.raises(InputError, match=re.escape(error)):
        run(ServeArguments(port=0, **{option: path}), {})


def test_the_sliders_places_are_settings_that_were_measured():
    """Each latency is in the table of results, in s; each policy takes each of its values."""
    ladders = read_yaml(LADDERS)
    names = {"reina-tan-agreeing": "reina", "hold-n": "holdn", "wait-k": "waitk"}
    measured = {}
    # The older table is in ms; what ships was measured anew.
    for table, column, unit_s in (("multi30k", "LAAL", 0.001), ("captions_de", "LAAL_s", 1)):
        results = ROOT / "benchmarks" / "reina_mini" / "results" / f"{table}.points.tsv"
        for row in csv.DictReader(results.read_text().splitlines(), delimiter="\t"):
            name, (_, _, value) = names.get(row["system"], row["system"]), row["setting"].partition("=")
            if value and (table == "multi30k" or name == "reina"):
                measured[name, float(value)] = round(float(row[column]) * unit_s, 2)
    for name, ladder in ladders["reina-mini"].items():
        known = [measured[name, float(value)] for value in ladder["values"]]
        assert ladder["latency_s"] == pytest.approx(known, abs=0.011), name
        assert known == sorted(known)


def test_a_policy_is_chosen_by_name_and_knob():
    catalog = PolicyCatalog({"holdn": HoldNPolicy(4)}, "reina-mini")
    assert catalog.choose("holdn", 3.0) == HoldNPolicy(3)
    assert catalog.choose("holdn") == HoldNPolicy(4)
    with pytest.raises(InputError, match="held_tokens must be a whole number, got 1.5"):
        catalog.choose("holdn", 1.5)
    [told] = catalog.described()
    assert told["knob"] == "held_tokens" and told["value"] == 4
    assert told["ladder"][0] == {"value": 8, "latency_s": 0.82}
