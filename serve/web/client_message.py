"""What a client asks for in a message of text: simulstream's keys, and further ones.

    {"sample_rate": 16000, "source_lang": "en", "target_lang": "de", "metrics_metadata": {...}}
    {"context": "Foster\\nReich\\nLINC"}
    {"policy": "alignatt", "knob": 50, "stability": "preview", "report": ["times", "scores"]}
    {"end_of_stream": true}

Only what stands in the message changes. `{}` says that the client is still there.
"""

import json
from dataclasses import dataclass
from typing import Any

from foundation.errors import InputError
from foundation.options import check_options, option, options_of, unknown_name
from foundation.typed_values import typed_value
from models.sound.audio import FASTEST, SLOWEST

REPORTS = ("times", "scores", "events", "sentences", "attention")
LONGEST_CONTEXT = 4000  # characters; no model's prompt takes more
# simulstream's, whose values may be anything.
FREE_KEYS = ("metrics_metadata", "end_of_stream")


@dataclass(frozen=True)
class ClientOptions:
    """What a message may set; None is what it does not speak of."""

    sample_rate: int | None = option(None, "So many samples a second.", at_least=SLOWEST, at_most=FASTEST)
    source_lang: str | None = option(None, "This language is spoken.")
    target_lang: str | None = option(None, "This language is written.")
    context: str | None = option(None, "These names and terms, one a line, or sentences are expected.")
    policy: str | None = option(None, "This policy decides, by the name of its agent.")
    knob: float | None = option(None, "The policy's option that trades latency for quality.")
    stability: str | None = option(
        None, "Text is final (append), or its unwritten rest is shown, too (preview).", ("append", "preview")
    )
    catch_up: bool | None = option(
        None,
        "Where more than 2 s and two chunks wait, up to 5 s are one decision: text is sooner, may differ.",
    )
    report: tuple[str, ...] | None = option(None, "Answers tell these, too.", REPORTS)

    def __post_init__(self) -> None:
        check_options(self)
        if self.context is not None and len(self.context) > LONGEST_CONTEXT:
            raise InputError(
                f"context has {len(self.context)} characters, and {LONGEST_CONTEXT} may be sent: shorten it"
            )


@dataclass(frozen=True)
class ClientMessage:
    """One message of text."""

    options: ClientOptions
    metadata: Any = None  # of the client's, for the log of sessions
    ends: bool = False  # the stream has been heard to its end
    arrived_s: float = 0.0  # by the event loop's clock

    @property
    def changes_sound(self) -> bool:
        """Whether the audio behind it is another stream's, or of another rate."""
        return self.ends or self.options.sample_rate is not None


def read_message(text: str, now_s: float) -> ClientMessage:
    """now_s: by the event loop's clock.

    Raises InputError for anything but an object of known keys with values of their types.
    """
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        reason = str(error) if isinstance(error, ValueError) else "brackets nested too deep"
        raise InputError(f"a message must be JSON, got {text[:60]!r} ({reason:.100})") from None
    if not isinstance(values, dict):
        raise InputError(f"a message must be an object such as {{}}, got {text[:60]!r}")
    known = options_of(ClientOptions)
    given = {}
    for name, value in values.items():
        if name in FREE_KEYS:
            continue
        if name not in known:
            raise unknown_name("key", name, [*known, *FREE_KEYS])
        given[name] = typed_value(value, known[name])
    ends = "end_of_stream" in values
    return ClientMessage(ClientOptions(**given), values.get("metrics_metadata"), ends, now_s)
