"""A stream of a live translator may bring names and terms of its own."""

import pytest

from agents.glossary import glossary_tokens
from agents.live.loading import configure_live, load_live
from foundation.errors import InputError
from tests.models.tiny_whisper import write_tiny_whisper


@pytest.fixture(scope="module")
def listener(tmp_path_factory):
    """A tiny Whisper that all streams tell "the cat" unless they tell something else."""
    folder = tmp_path_factory.mktemp("context")
    (folder / "context.txt").write_text("the cat\n", encoding="utf-8")
    values = {"model": str(write_tiny_whisper(folder / "tiny")), "context": str(folder / "context.txt")}
    values |= {"source_language": "es", "target_language": "en"}
    return load_live(configure_live(values, "test"))


def prompt(listener, **settings):
    return list(listener.open(**settings)._state.prompt)


def test_a_stream_is_told_its_own_or_the_agents_or_nothing(listener):
    translator = listener._engine.translator
    plain = translator.tokenizer.prompt("es", "en")
    told = {
        text: [*translator.tokenizer.context_prompt(glossary_tokens(translator, text)), *plain]
        for text in ("the cat.", "the dog, the mat.")
    }
    assert prompt(listener) == told["the cat."]
    assert prompt(listener, context="the dog\nthe mat\n") == told["the dog, the mat."]
    assert prompt(listener, context="") == plain


def test_what_is_no_text_or_finds_no_place_is_refused(listener, live):
    with pytest.raises(InputError, match="a context must be a text of names and terms, got 5"):
        listener.open(context=5)
    with pytest.raises(InputError, match="the context has .* tokens, and the model's prompt has room for"):
        listener.open(context="the dog sat " * 200)
    with pytest.raises(InputError, match="this model takes no context, for its prompt has no place for one"):
        live.open(context="Foster")
    with pytest.raises(InputError, match="this model takes no context"):
        live.stream("eval_configs/quickstart_de/audio/caption_1.flac", context="Foster")
