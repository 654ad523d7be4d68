"""Which agent and options a live translation has where nothing, or little, is said."""

import pytest

from agents.live.loading import configure_live
from agents.live.translator import LiveTranslator
from foundation.errors import InputError
from tests.models.tiny_whisper import write_tiny_whisper


def test_without_a_word_it_is_the_shipped_model_for_hours():
    found = configure_live({"agent": None, "model": None}, "test")
    options = found.agent_options
    assert (found.agent, options.model, options.target_language) == ("reina", "reina-mini", "de")
    assert found.history.history == "pauses"


def test_another_model_gets_an_agent_that_runs_on_any(tmp_path):
    write_tiny_whisper(tmp_path / "model")
    found = configure_live({}, "test", {"model": [str(tmp_path / "model")]})
    assert (found.agent, found.agent_options.target_language) == ("alignatt", "en")


def test_what_is_said_holds():
    found = configure_live({"agent": "waitk", "k": 7, "history": None}, "test", {"beam": ["3"]})
    assert (found.policy.k, found.search.beam) == (7, 3)
    assert configure_live({}, "test", {"history": ["attention"]}).history.history == "attention"
    # By pauses it would have to hear where nobody speaks.
    assert configure_live({"decode_silence": True}, "test").history.history is None


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"bean": 3}, "test: there is no option 'bean': did you mean 'beam'?"),
        ({"agent": "riena"}, "test: there is no agent 'riena': did you mean 'reina'?"),
        ({"target_language": "Germn"}, "test: there is no language 'Germn': did you mean 'de' (German)?"),
        ({"target_language": "!"}, "test: there is no language '!': give a code such as de"),
        ({"model": "no/such/model"}, "test: model 'no/such/model' was not found"),
        ({"context": "none.txt"}, "test: none.txt: no such file"),
        ({"recent_frames": 2}, "test: there is no option 'recent_frames' of agent reina, for it is one of "),
        ({"beam": "many"}, "test: beam must be a whole number, got 'many' (text)"),
    ],
)
def test_what_cannot_be_is_told_without_a_model(values, said):
    with pytest.raises(InputError) as caught:
        configure_live(values, "test")
    assert str(caught.value).startswith(said) and "\n" not in str(caught.value)


def test_an_agent_that_is_more_than_its_policy_is_refused(tmp_path):
    file = tmp_path / "own_agent.py"
    file.write_text(
        "from agents.waitk_agent import WaitKPolicy\n"
        "from agents.streaming_agent import StreamingAgent\n"
        "class OwnAgent(StreamingAgent):\n"
        "    policy_class = WaitKPolicy\n"
        "    def policy(self, states=None): ...\n"
    )
    with pytest.raises(InputError, match="defines policy of its own, which only SimulEval's loop calls"):
        given = {"agent": str(file), "model": "reina-mini", "target_language": "de"}
        LiveTranslator(configure_live(given, "test"))
