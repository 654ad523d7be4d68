"""How SimulEval loads a test set once one of our agents has been imported: shipped audio from anywhere."""

from simuleval.data.dataloader import SpeechToTextDataloader, register_dataloader

from foundation.shipped_files import shipped_file


@register_dataloader("speech-to-text")
class ListDataloader(SpeechToTextDataloader):
    """SimulEval's loader of speech with text references."""

    @classmethod
    def from_files(cls, source: str, target: str, tgt_lang: str | None = None) -> "ListDataloader":
        loader = super().from_files(source, target, tgt_lang)
        loader.source_list = [shipped_file(path) for path in loader.source_list]
        return loader
