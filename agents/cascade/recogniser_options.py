"""What a cascade recognises with, before a model that reads text translates."""

from dataclasses import dataclass

from foundation.errors import InputError
from foundation.options import check_options, option


@dataclass(frozen=True)
class RecogniserOptions:
    """A cascade: one model recognises, and --model translates what it has recognised."""

    recogniser: str | None = option(
        None,
        "This model, a path or name as --model takes it, recognises the speech, and --model translates its "
        "text; default: --model hears itself.",
    )
    recogniser_agent: str = option(
        "local_agreement",
        "The recogniser writes by the policy of this agent, after every --chunk-ms of audio.",
    )
    recogniser_options: tuple[str, ...] | None = option(
        None, "Options of the recogniser and its policy, each as KEY=VALUE, such as agreeing_chunks=3."
    )

    def __post_init__(self) -> None:
        check_options(self)
        if self.recogniser is None and self.recogniser_options:
            raise InputError("recogniser_options were given without a recogniser: add --recogniser MODEL")
