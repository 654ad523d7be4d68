"""A policy network in training beside its frozen translator (REINA, stage 3)."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from models.policy.network import PolicyNetwork, PolicyOptions
from models.storage.model_files import read_json
from models.whisper.hearing import PLAIN, Hearing
from train.data.batches import Audio, SpeechPairs, Waveforms
from train.data.streamed import ClipEncoder
from train.policy.alignment import spoken_seconds
from train.policy.divergence_loss import DIVERGENCES, divergence
from train.policy.loss import Lesson, PolicyLoss
from train.policy.reina_loss import GAINS, information_gain
from train.policy.two_passes import Heard, two_passes
from train.recipes.resumption import holds_checkpoints, refuse_changes
from train.recipes.start_model import CHECKPOINTS, StartModel
from train.translator.model import MultitaskTranslator


def check_kind(objective: str, kind: str) -> None:
    """Raises ValueError for a kind of gain, or of divergence, that is none."""
    kinds = GAINS if objective == "gain" else DIVERGENCES
    if kind not in kinds:
        raise ValueError(f"{objective} must be one of {', '.join(kinds)}, got {kind!r}")


class Teacher:
    """The frozen translator. No module: neither trained nor stored with the policy."""

    def __init__(
        self, start: StartModel, objective: str, kind: str, aligns: bool, hearing: Hearing = PLAIN
    ) -> None:
        """objective as in `models.policy.network`; kind of gain (`train.policy.reina_loss`) or of divergence.

        hearing: what it hears, which should be what it will hear when it runs. Raises ValueError for a kind
        that is neither.
        """
        check_kind(objective, kind)
        self.start = start
        self._translator = MultitaskTranslator(start, freeze_encoder=True).eval().requires_grad_(False)
        self._objective = objective
        self._kind = kind
        self._aligns = aligns
        self.hearing = hearing
        self._encoder = self._open_encoder(start.model.decoder.token_embedding.weight.device)

    @property
    def hidden_width(self) -> int:
        return self.start.model.dimensions.n_text_state

    @property
    def adapter(self) -> str | None:
        return None if self.start.adapter is None else self.start.adapter.fingerprint

    def to(self, device: torch.device) -> None:
        self._translator.to(device)
        self._encoder = self._open_encoder(device)

    def _open_encoder(self, device: torch.device) -> ClipEncoder | None:
        """For clips that are heard as streams are; what is heard plainly may have another (Canary)."""
        return None if self.hearing.is_plain else ClipEncoder(self.start.model, self.hearing, device)

    @torch.no_grad()
    def lesson(self, speech: SpeechPairs) -> Lesson:
        """What can be learned of speech that comes with its audio as far as it was heard, and whole."""
        model, tokens = self._translator.translator, speech.text.tokens
        partial, full = self.listen(speech.audio), self.listen(speech.whole_audio)
        passes = two_passes(model, partial, full, tokens)
        mask = speech.text.mask
        if self._objective == "gain":
            targets = speech.text.targets.where(mask, 0)
            goal = information_gain(passes.partial_logits, passes.full_logits, targets, self._kind)
        else:
            goal = divergence(passes.partial_logits, passes.full_logits, self._kind)
        spoken_s = None
        if self._aligns:
            spoken_s = spoken_seconds(model, full.frames, full.lengths, tokens, full.log_counts)
        return Lesson(passes.hidden.float(), speech.audio.heard_s, goal, mask, spoken_s)

    def listen(self, audio: Audio | Waveforms) -> Heard:
        """What the decoder listens to."""
        if isinstance(audio, Waveforms):
            memory = self._encoder.encode(audio.clips)
            return Heard(memory.frames, memory.lengths, memory.log_counts)
        return Heard(*self._translator.listen(audio), audio.log_counts)


class AnyTeacher(Protocol):
    """A frozen translator of any kind."""

    hearing: Hearing

    @property
    def hidden_width(self) -> int:
        """The width D of the hidden states that the policy network sees."""

    def to(self, device: torch.device) -> None:
        """Go to a device."""

    def lesson(self, speech: SpeechPairs) -> Lesson:
        """What can be learned of speech that comes with its audio as far as it was heard, and whole."""

    @property
    def adapter(self) -> str | None:
        """The fingerprint of the adapter that is merged into it."""


class PolicyInTraining(nn.Module):
    """The network, which is trained, and its teacher, which is not."""

    def __init__(self, options: PolicyOptions, teacher: AnyTeacher, loss: PolicyLoss, base: str) -> None:
        """A new network for `teacher`. base: name or path of its translator."""
        super().__init__()
        self.network = PolicyNetwork(options)
        self.teacher = teacher
        self.loss = loss
        self.base = base

    def describe(self, file: Path) -> None:
        """Write what is needed, beside the weights, to build the network again.

        Raises InputError where checkpoints of another network or translator lie beside it.
        """
        description = {"options": asdict(self.network.options), "base": self.base}
        description["hearing"] = self.teacher.hearing.described()
        if self.teacher.adapter is not None:
            description["adapter"] = self.teacher.adapter
        if holds_checkpoints(file.parent / CHECKPOINTS) and file.is_file():
            _check_same(file, description)
            return
        file.write_text(json.dumps(description, indent=1) + "\n", encoding="utf-8")

    def forward(self, hidden: Tensor, heard_s: Tensor) -> Tensor:
        """The scores (B, N) as `PolicyNetwork` gives them."""
        return self.network(hidden, heard_s)


def _check_same(file: Path, description: dict[str, Any]) -> None:
    found = read_json(file)
    # Runs of earlier versions name the run that their translator is of, and not the checkpoint.
    if str(description["base"]).startswith(f"{found.get('base')}/{CHECKPOINTS}/"):
        description = {**description, "base": found["base"]}
    changed = [f"{name} ({was!s:.80})" for name, was in found.items() if description.get(name) != was]
    if changed:
        refuse_changes(file.parent, changed)
