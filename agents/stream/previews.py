"""What a model would say next where a policy has stopped its search: shown to whoever wants a preview."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property

from agents.stream.state import StreamState
from models.decoding.hypotheses import Hypothesis
from models.decoding.options import SearchOptions, StreamRequest
from models.decoding.search import StreamingSearch
from models.translator import Decoder, Memory

logger = logging.getLogger(__name__)


class Previews:
    """Drafts by greedy search from the written text on, which no draft ever changes."""

    def __init__(self, decoder: Decoder, options: SearchOptions) -> None:
        self._decoder = decoder
        self._options = options

    @cached_property
    def _search(self) -> StreamingSearch:
        return StreamingSearch(self._decoder, replace(self._options, beam=1))

    def draft_on(self, memory: Memory, asked: Sequence[tuple[StreamState, StreamRequest]]) -> None:
        """Draft the rest of what each stream would say of the audio so far, as far as its context has room.

        asked: each with the request of a search without limits of units over `memory`. A search that fails,
        such as where memory is short, leaves the drafts as they are: streams beside them have written.
        """
        asked = [(stream, request) for stream, request in asked if self._search.room(request) > 0]
        if asked:
            streams, requests = zip(*asked, strict=True)
            try:
                found = self._search.find(memory, requests)
            except Exception as error:  # of the model
                logger.warning("a step shows no previews, for their search failed: %s", error)
                return
            for stream, hypothesis in zip(streams, found, strict=True):
                stream.expect(hypothesis, 0, self._search.end)


def stops_early(stream: StreamState, hypothesis: Hypothesis, end: int) -> bool:
    """Whether a preview is wanted of which the search knows the beginning only. end: of sequence."""
    wanted = stream.previews and stream.error is None and not stream.closes
    return wanted and hypothesis.next_token != end
