"""Settings are options of the agents, and what cannot be is refused with file, setting and key."""

from pathlib import Path

import pytest

from benchmarks.chunk_compute import settings as module
from benchmarks.chunk_compute.settings import read_settings
from foundation.errors import InputError

SHIPPED = Path(module.__file__).parent


def written(folder, text):
    (folder / "settings.yaml").write_text(text)
    return folder / "settings.yaml"


def test_each_policy_has_all_settings(inputs):
    holdn, alignatt = read_settings(inputs / "settings.yaml", "some-model")
    assert (holdn.policy, alignatt.policy) == ("holdn", "alignatt")
    assert [*holdn.ours] == [*alignatt.ours] == ["exact", "frozen"]
    assert holdn.chunk_ms == 700
    frozen = holdn.ours["frozen"]
    assert (frozen.agent_options.model, frozen.policy.held_tokens) == ("some-model", 2)
    assert frozen.translator.frozen_after_s == 1.0
    assert frozen.translator.trailing_silence_ms is None
    assert holdn.common.translator.frozen_after_s is None


def test_shipped_settings_can_be_read():
    assert [one.policy for one in read_settings(SHIPPED / "settings.yaml")] == ["holdn", "alignatt"]
    [adapter] = read_settings(SHIPPED / "settings_base_adapter.yaml", "openai/whisper-base")
    assert list(adapter.ours) == ["default", "adapter"]
    [reina] = read_settings(SHIPPED / "settings_reina.yaml")
    assert (reina.common.agent_options.model, reina.chunk_ms) == ("reina-mini", 250)


@pytest.mark.parametrize(
    "text, message",
    [
        (
            "policies: {holdn: {}}\nsettings: {fast: {frozen_after: 3}}",
            "setting fast: there is no option 'frozen_after': did you mean 'frozen_after_s'?",
        ),
        (
            "policies: {holdn: {}}\nsettings: {fast: {frozen_after_s: 99}}",
            "setting fast: frozen_after_s must be at most 30",
        ),
        (
            "policies: {holdn: {}}\nsettings: {fast: {chunk_ms: 99}}",
            "setting fast: chunk_ms is common to all",
        ),
        ("policies: {holdm: {}}\nsettings: {fast: {}}", "did you mean 'holdn'?"),
        ("settings: {fast: {}}", "policies must hold lines of the form"),
        ("policies: {holdn: 3}\nsettings: {fast: {}}", "holdn must be of the form"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path, text, message):
    file = written(tmp_path, text)
    with pytest.raises(InputError) as caught:
        read_settings(file)
    assert str(caught.value).startswith(str(file)) and message in str(caught.value)
