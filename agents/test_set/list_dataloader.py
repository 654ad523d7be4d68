"""How SimulEval loads a test set once one of our agents has been imported.

Its own loader opens the lists in the encoding of the locale, keeps a byte order mark and tabs, and knows no
`~`. It lets others register a loader in its place; ours takes the lists from `agents.test_set.input_lists`,
as the batched engine does.
"""

from simuleval.data.dataloader import SpeechToTextDataloader, register_dataloader

from agents.test_set.input_lists import read_audio_list, read_references


@register_dataloader("speech-to-text")
class ListDataloader(SpeechToTextDataloader):
    """SimulEval's loader of speech with text references, with lists that are read as everywhere here."""

    @classmethod
    def from_files(cls, source: str, target: str, tgt_lang: str | None = None) -> "ListDataloader":
        languages = [] if tgt_lang is None else read_references(tgt_lang, "--tgt-lang")
        return cls(read_audio_list(source), read_references(target), languages)
