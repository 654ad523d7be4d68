"""A sweep's file: which runs it asks for, and one clear message for each way to get it wrong."""

import pytest

from evaluation.sweeps.plan import load_plan
from foundation.errors import InputError

BASE = "source: s.txt\ntarget: t.txt\nmodel: m\n"
WAITK = "systems: {waitk: {knob: k, settings: [1, 3]}}\n"


@pytest.fixture
def load(tmp_path):
    """load(text, flags) reads a file of that text; the sweep's folder is DIR."""

    def load(text, **overrides):
        file = tmp_path / "sweep.yaml"
        file.write_text(text, encoding="utf-8")
        return load_plan(file, "DIR", overrides)

    return load


def places(plan):
    return [run.place.path.as_posix() for run in plan.runs]


def test_every_setting_is_a_run_and_one_offline_run_goes_with_them(load):
    plan = load(BASE + WAITK)
    assert places(plan) == ["waitk/k=1", "waitk/k=3", "offline/waitk"]
    first, *_, offline = [run.configuration for run in plan.runs]
    assert (first.agent, first.policy.k, first.evaluation.output) == (
        "waitk",
        1,
        "DIR/runs/waitk/k=1",
    )
    assert (offline.agent, offline.agent_options.model) == ("offline", "m")


def test_settings_may_change_several_options(load):
    settings = "[{chunk_ms: 250}, {agreeing_chunks: 3, chunk_ms: 500}]"
    systems = f"systems: {{la: {{agent: local_agreement, beam: 2, settings: {settings}}}}}"
    plan = load(BASE + systems)
    assert places(plan) == ["la/chunk_ms=250", "la/agreeing_chunks=3,chunk_ms=500", "offline/la"]
    first = plan.runs[1].configuration
    agent, search, policy = first.agent_options, first.search, first.policy
    assert (agent.chunk_ms, search.beam, policy.agreeing_chunks) == (500, 2, 3)


def test_a_system_without_settings_is_one_run(load):
    assert places(load(BASE + "systems: {holdn: {held_tokens: 2}}")) == ["holdn/default", "offline/holdn"]


def test_systems_that_decode_alike_share_an_offline_run(load):
    systems = "systems: {waitk: {chunk_ms: 100}, holdn: {chunk_ms: 200, held_tokens: 1}}"
    assert places(load(BASE + systems)) == ["waitk/default", "holdn/default", "offline/waitk"]


def test_systems_that_decode_in_different_ways_have_one_each(load):
    plan = load(BASE + "systems: {waitk: , holdn: {beam: 4}}")
    assert places(plan)[2:] == ["offline/waitk", "offline/holdn"]
    assert [run.configuration.search.beam for run in plan.runs[2:]] == [1, 4]
    assert plan.offline == {None: {"waitk": "waitk", "holdn": "holdn"}}


def test_each_way_of_decoding_has_one_offline_run(load):
    plan = load(BASE + "systems: {waitk: , edatt: {beam: 4}, holdn: , alignatt: {beam: 4, chunk_ms: 100}}")
    assert places(plan)[4:] == ["offline/waitk", "offline/edatt"]
    assert plan.offline[None] == {"waitk": "waitk", "edatt": "edatt", "holdn": "waitk", "alignatt": "edatt"}


def test_offline_run_searches_as_the_agent_prefers(load):
    plan = load(BASE + "systems: {reina: {threshold: 0.1, source_language: en, target_language: de}}")
    agent, search = plan.runs[-1].configuration.agent_options, plan.runs[-1].configuration.search
    assert (search.beam, search.patience, agent.target_language) == (3, 3.0, "de")


def test_language_pairs_are_a_level_of_their_own(load):
    languages = "languages:\n  en-de: {target_language: de}\n  en-fr: {target_language: fr, target: f.txt}\n"
    plan = load(BASE + languages + WAITK)
    assert places(plan) == [
        *("en-de/waitk/k=1", "en-de/waitk/k=3", "en-de/offline/waitk"),
        *("en-fr/waitk/k=1", "en-fr/waitk/k=3", "en-fr/offline/waitk"),
    ]
    french = plan.runs[3].configuration
    assert (french.agent_options.target_language, french.evaluation.target) == ("fr", "f.txt")


def test_flags_replace_what_the_file_says_for_all_runs(load):
    plan = load(BASE + WAITK, model=["other"], end_index=["5"])
    assert plan.values["model"] == "other"
    assert {run.configuration.evaluation.end_index for run in plan.runs} == {5}
    assert {run.configuration.agent_options.model for run in plan.runs} == {"other"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (BASE, "systems must name one at least"),
        (BASE + "systems: [waitk]", "systems must name one at least"),
        (BASE + WAITK + "no_use_ref_len: true", "a sweep's latency goes by the reference"),
        (BASE + "systems: {waitk: 3}", "'waitk' must be a name with keys and values behind it"),
        (BASE + "systems: {mine: {k: 3}}", "mine/default: agent is missing"),
        (BASE + "systems: {offline: {}}", "choose another name"),
        (BASE + "systems: {a/b: {agent: waitk}}", "'a/b' must be of letters, digits"),
        (BASE + "systems: {..: {agent: waitk}}", "'..' must be of letters, digits and .,=+-_, and not begin"),
        (BASE + "systems: {'': {agent: waitk}}", "'' must be of letters, digits"),
        (BASE + WAITK + "languages: {.: {}}", "'.' must be of letters, digits"),
        (BASE + "systems: {waitk: {settings: [1, 2]}}", "setting 1 is a value, but of what? Add a knob"),
        (BASE + "systems: {waitk: {settings: []}}", "settings must be a list, got []"),
        (BASE + "systems: {waitk: {knob: k, settings: 3}}", "settings must be a list, got 3"),
        (BASE + "systems: {waitk: {knob: k, settings: [1, 1]}}", "setting k=1 is given twice"),
        (BASE + "systems: {waitk: {knob: key, settings: [1]}}", "waitk/key=1: there is no option 'key'"),
        (BASE + "systems: {waitk: {knob: k, settings: [0]}}", "waitk/k=0: k must be at least 1, got 0"),
        (BASE + "systems: {waitk: {1.5: 2}}", "waitk/default: there is no option 1.5"),
        (BASE + "systems: {waitk: {settings: [{null: 1}]}}", "there is no option None"),
        (BASE + WAITK + "languages: {de: {true: 1}}", "there is no option True"),
        (BASE + WAITK + "agent: waitk", "agent is for single evaluations"),
        (BASE + WAITK + "output: here", "output is for single evaluations"),
        (BASE + WAITK + "latency_metrics: [AL, NoSE]", "a sweep scores NoSE by itself"),
        (BASE + WAITK + "languages: {}", "languages must name one at least"),
        ("model: m\n" + WAITK, "source is missing"),
    ],
)  # fmt: skip
def test_bad_file(load, text, message):
    with pytest.raises(InputError) as error:
        load(text)
    assert message in str(error.value) and "sweep.yaml" in str(error.value)


@pytest.mark.parametrize("name", ["k", "output", "systems"])
def test_flag_that_is_not_for_all_runs(load, name):
    with pytest.raises(InputError, match=f"command line: '{name}' is no option for all runs"):
        load(BASE + WAITK, **{name: ["1"]})
