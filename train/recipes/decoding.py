"""Translations of whole clips during training, to know how good they are by now: what agents decode with."""

from collections.abc import Sequence

from models.decoding.options import SearchOptions, StreamRequest
from models.decoding.search import StreamingSearch
from models.translator import Decoder, Memory


def translate(decoder: Decoder, memory: Memory, prompts: Sequence[Sequence[int]]) -> list[str]:
    """Greedy translations of B whole clips; prompts: the tokens that each begins with.

    decoder: of a model in training, which `Decoder` is told of.
    """
    search = StreamingSearch(decoder, SearchOptions())
    requests = [
        StreamRequest(prompt, (), audio_finished=True, token_limit=search.options.token_limit(ms, 0, True))
        for prompt, ms in zip(prompts, memory.heard_ms.tolist(), strict=True)
    ]
    return [decoder.tokenizer.decode(one.tokens) for one in search.find(memory, requests)]
