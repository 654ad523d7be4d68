"""What a file of a speech processor says to simulstream, beside the keys of the agent."""

from dataclasses import dataclass

from foundation.options import check_options, option

CLASS = "serve.processor.StreamingProcessor"


@dataclass(frozen=True)
class SimulstreamOptions:
    """What simulstream and its metrics read from the file of a speech processor, beside the agent's keys."""

    type: str = option(CLASS, "simulstream loads this class.")
    # Of its two that need no other package's model, in a manner that puts nothing between tokens.
    detokenizer_type: str = option(
        "simuleval", "simulstream's metrics make text of tokens so.", ("simuleval",)
    )
    latency_unit: str = option(
        "char",
        "simulstream's metrics put nothing between tokens; what they count is another option.",
        ("char",),
    )

    def __post_init__(self) -> None:
        check_options(self)
