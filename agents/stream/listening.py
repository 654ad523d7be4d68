"""Sounds that recognise before anything is translated (`Translator.hears_in_steps`): a cascade's.

What such a sound understands depends on when it is asked. It is asked once before each decision, whatever its
streams' policies do then; sounds of all other translators have nothing to be asked.
"""

from collections.abc import Sequence

from agents.policy import Policy
from agents.stream.heard_audio import HeardAudio
from agents.stream.state import StreamState
from models.translator import Translator


def listen(translator: Translator, sources: Sequence[HeardAudio]) -> None:
    """Let the sounds of these sources take a step together, as far as anything was said.

    What goes wrong with one of them is the `error` of its source.
    """
    if not translator.hears_in_steps:
        return
    audios = [one for one in {id(one): one for one in sources}.values() if _may_hear_more(one)]
    if not audios:
        return
    ended = [audio.finished or audio.utterance_ended for audio in audios]
    translator.listen([audio.sound for audio in audios], ended)
    for audio in audios:
        audio.listened_ms = audio.now_ms
        audio.error = audio.error or audio.sound.error


def changes(audio: HeardAudio) -> int | None:
    """How often what a sound has understood has changed; 0: that is nothing yet. None: it is not asked."""
    return getattr(audio.sound, "changes", None)


def knows_nothing(audio: HeardAudio) -> bool:
    """Whether a sound that is asked has understood nothing yet."""
    return changes(audio) == 0


def has_news(stream: StreamState) -> bool:
    """Whether decoding could find anything else than when it decoded last.

    The same source text gives the same text, unless the policy counts (wait-k), the audio has ended or the
    window is full; chunks of which nothing is understood are no agreement of hypotheses either.
    """
    audio = stream.audio
    counts = type(stream.policy).units_allowed is not Policy.units_allowed
    if counts or stream.closes or audio.full:
        return True
    return changes(audio) is None or changes(audio) != stream.decoded_changes


def _may_hear_more(audio: HeardAudio) -> bool:
    return audio.error is None and audio.window_ms > 0 and audio.may_say_more(audio.listened_ms)
