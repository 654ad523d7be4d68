"""The languages that a client asks for: before its first audio any of the model's, afterwards no others."""

from dataclasses import replace
from typing import Literal

from foundation.errors import InputError
from serve.served_agent import ServedAgent

Side = Literal["source", "target"]
VERBS = {"source": "spoken", "target": "written"}


class UnknownLanguage(InputError):
    """A language was asked for that the model does not know: until another is, audio is refused, too."""


class AskedLanguages:
    """Those of one stream, the agent's at first.

    Where a client asks for one in vain, nobody wants text in another: `check` refuses its audio.
    """

    def __init__(self, agent: ServedAgent) -> None:
        self._agent = agent
        self.pair = agent.languages
        self._refused: dict[Side, str] = {}

    def ask(self, side: Side, language: str, in_mid_stream: bool) -> None:
        """Ask for a language, as a code or an English name.

        Raises UnknownLanguage for one that the model does not know; in mid-stream InputError, for any but the
        stream's own. Whether the model can do the pair is known with the first audio.
        """
        try:
            code = self._agent.language_code(language)
        except InputError as error:
            if in_mid_stream:
                raise InputError(f"{error}; {self._goes_on(side)}") from None
            self._refused[side] = str(error)
            raise UnknownLanguage(str(error)) from None
        if not in_mid_stream:
            self._refused.pop(side, None)
            self.pair = replace(self.pair, **{side: language})
        elif code != self._agent.language_code(getattr(self.pair, side)):
            raise InputError(f"{code!r} is asked for in mid-stream: {self._goes_on(side)}")

    def check(self) -> None:
        """Raises InputError where a language was asked for in vain, and no other since."""
        for reason in self._refused.values():
            raise InputError(reason)

    def _goes_on(self, side: Side) -> str:
        return (
            f"the stream goes on with {getattr(self.pair, side)!r} {VERBS[side]}, and another language "
            "needs a new stream"
        )
