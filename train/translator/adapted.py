"""A Whisper of which low-rank adapters are trained and nothing else: REINA's stage 2 for public weights."""

from pathlib import Path

from foundation.errors import InputError
from models.storage.locate import existing_path
from models.whisper.adapter import whisper_fingerprint
from models.whisper.network import Whisper
from train.recipes.adapter_run import AdapterRun
from train.recipes.lora import LoraSection, add_lora
from train.recipes.resumption import holds_checkpoints
from train.recipes.start_model import CHECKPOINTS, StartModel
from train.recipes.trained_weights import TrainedWeights
from train.translator.model import MultitaskTranslator

# Every matrix of a layer, of encoder and decoder.
MODULES = ("query", "key", "value", "out", "mlp.0", "mlp.2")


class AdaptedWhisper(TrainedWeights, MultitaskTranslator):
    """Its checkpoints hold adapters only, and its output folder names the Whisper that they are for."""

    def __init__(self, start: StartModel, base: str, lora: LoraSection, freeze_encoder: bool) -> None:
        """base: the name or path of the start model.

        Raises InputError for a start model that is no Whisper or has an adapter, and for modules that it
        does not have.
        """
        if not isinstance(start.model, Whisper):
            raise InputError(f"lora is for Whisper, and {base} is none: leave it out, and all is trained")
        if start.adapter is not None:
            raise InputError(f"{base} has an adapter: start from {start.adapter.base}, or without lora")
        super().__init__(start, freeze_encoder)
        path = existing_path(base)
        name = base if path is None else str(path.absolute())
        self._run = AdapterRun(name, whisper_fingerprint(start.model.state_dict()), lora)
        # peft puts them into the modules; its own view of the whole is no submodule.
        self._lora = [add_lora(start.model, lora, MODULES)]

    def freeze(self) -> None:
        """Leave all but adapters out of training, with a frozen encoder those of the encoder, too.

        peft has done so, and fairseq2 undone it since.
        """
        for name, weight in self.named_parameters():
            weight.requires_grad_("lora_" in name)
        super().freeze()

    def describe(self, output: Path) -> None:
        self._run.write(output, begun=holds_checkpoints(output / CHECKPOINTS))
