"""Lines of simulstream's metrics log, as OmniSTEval scores it.

    {"id": 0, "metadata": {"wav_name": "talk_1.wav"}}
    {"id": 0, "total_audio_processed": 0.5, "computation_time": 0.08, "generated_tokens": ["Hello"],
     "deleted_tokens": []}

Times are in seconds; `total_audio_processed` is the audio heard so far. Other letters than ASCII are
escapes, as simulstream writes them.
"""

import json
from typing import Any

from serve.tokens import tokens


def metadata_line(stream: int, metadata: Any) -> str:
    """What the client said of its audio."""
    return json.dumps({"id": stream, "metadata": metadata}) + "\n"


def decision_line(
    stream: int,
    heard_s: float,
    computation_s: float,
    new: str,
    deleted: str = "",
    in_characters: bool = False,
) -> str:
    """What was written, and taken back, at one decision.

    Readers want what is deleted to be the last tokens that were generated. in_characters: each is a token, as
    for text without spaces, of which any number may be deleted; else words are.
    """
    split = list if in_characters else tokens
    values = {
        "id": stream,
        "total_audio_processed": heard_s,
        "computation_time": computation_s,
        "generated_tokens": split(new),
        "deleted_tokens": split(deleted),
    }
    return json.dumps(values) + "\n"
