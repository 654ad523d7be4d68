"""Stage 3 on an audio-language model: its policy network sees the language model's hidden states.

The states are those at all places behind the audio, the prompt's end included, as they are when it runs.

Shapes: B clips, N places behind the audio, n places that predict the target, D width, V vocabulary.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from fairseq2.recipe.base import RecipeContext
from torch import Tensor

from foundation.errors import InputError
from models.audio_language.families import FAMILIES
from models.audio_language.model import AudioLanguageModel
from models.audio_language.tokenizer import AudioPrompt
from models.storage.model_files import read_json
from models.translator import TranslatorOptions
from models.whisper.front_end import WhisperFrontEnd
from models.whisper.hearing import PLAIN
from train.data.batch_plan import BatchPlan
from train.data.batch_reader import BatchReader
from train.data.batches import Collation, SpeechPairs, TruncationSection, Waveforms
from train.data.examples import Example
from train.data.recipe_data import DataConfig, mixed_pairs, section_readers
from train.data.streamed import TrainingHearing
from train.policy.divergence_loss import divergence
from train.policy.loss import Lesson
from train.policy.model import check_kind
from train.policy.reina_loss import information_gain
from train.simulsa_sft.data import section_reader
from train.simulsa_sft.start import open_audio_language_model, run_of


def is_audio_language_model(path: Path) -> bool:
    """Whether a model folder, or the output of a run, holds one."""
    config = path / "config.json"
    return run_of(path) is not None or (config.is_file() and read_json(config).get("model_type") in FAMILIES)


class AudioLanguageTeacher:
    """The frozen model, `train.policy.model.AnyTeacher`."""

    adapter: str | None = None  # whatever was trained is merged into its weights
    hearing = PLAIN

    def __init__(self, path: Path, objective: str, kind: str, aligns: bool) -> None:
        """Arguments are those of `train.policy.model.Teacher`; path: a model folder or a run's output.

        Raises ValueError for a kind that is neither, InputError for a model that cannot be used.
        """
        check_kind(objective, kind)
        if aligns:
            raise InputError(
                "alignment_weight needs cross-attention, which audio-language models lack: set it to 0"
            )
        device = str(torch.get_default_device())
        self.model: AudioLanguageModel = open_audio_language_model(path, TranslatorOptions(device=device))
        self.model.network.eval().requires_grad_(False)
        self._objective = objective
        self._kind = kind

    @property
    def hidden_width(self) -> int:
        return self.model.width

    def to(self, device: torch.device) -> None:
        self.model.network.to(device)

    @torch.no_grad()
    def lesson(self, speech: SpeechPairs) -> Lesson:
        mask = speech.text.mask
        targets = [row[real].tolist() for row, real in zip(speech.text.targets, mask, strict=True)]
        prompts = [_split(row, self.model.tokenizer.audio_token) for row in speech.text.prompts]
        partial, lengths = self._hidden(speech.audio, prompts, targets)
        full, _ = self._hidden(speech.whole_audio, prompts, targets)
        counts = torch.tensor([len(target) for target in targets], device=lengths.device)
        places = torch.arange(partial.shape[1], device=lengths.device)
        real = (places < lengths[:, None]) & (places >= (lengths - counts)[:, None])  # (B, N)
        tokens = torch.tensor([token for target in targets for token in target], device=lengths.device)
        # The prompt's places predict nothing, and a vocabulary is wide.
        logits = [self.model.logits(hidden[real])[None] for hidden in (partial, full)]  # (1, B * n, V)
        if self._objective == "gain":
            found = information_gain(*logits, tokens[None], self._kind)
        else:
            found = divergence(*logits, self._kind)
        goal = torch.zeros(real.shape, dtype=found.dtype, device=found.device)
        goal[real] = found[0]
        return Lesson(partial.float(), self._heard_s(speech.audio), goal, real, None)

    def _hidden(
        self, audio: Waveforms, prompts: Sequence[AudioPrompt], targets: Sequence[Sequence[int]]
    ) -> tuple[Tensor, Tensor]:
        features = self.model.features([clip.cpu().numpy() for clip in audio.clips])
        return self.model.hidden_behind(features, prompts, targets)

    def _heard_s(self, audio: Waveforms) -> Tensor:
        """(B,) seconds to whole frames, as a memory tells it."""
        features = self.model.features_heard(torch.tensor([len(clip) for clip in audio.clips]))
        frames = self.model.frame_lengths(features.clamp(min=self.model.fewest_frames))
        ends_ms = self.model.frame_ends(1, int(frames.max()))[0]
        return ends_ms[(frames - 1).to(ends_ms.device)] / 1000


def _split(prompt: Sequence[int], audio_token: int) -> AudioPrompt:
    place = list(prompt).index(audio_token)
    return AudioPrompt(tuple(prompt[:place]), tuple(prompt[place + 1 :]))


def train_reader(context: RecipeContext, config: DataConfig, model: AudioLanguageModel) -> BatchReader:
    """Clips cut at random, and whole beside. Raises InputError if the data cannot be used."""
    pairs, weights = mixed_pairs(config, frozen_encoder=True, read=section_reader(model))
    _refuse_cached(pairs)
    plan = BatchPlan(pairs, weights, config.batch, config.reader.seed)
    accumulate = config.trainer.grad_accumulation.num_batches
    collation = _collation(config, model, config.truncation)
    return BatchReader(plan, collation, context.gangs, accumulate, config.reader.workers)


def validation_readers(
    context: RecipeContext, config: DataConfig, model: AudioLanguageModel, truncation: TruncationSection
) -> Iterator[tuple[str, dict[str, str], BatchReader]]:
    """For each section its name, the references by id, and its reader."""
    yield from section_readers(context, config, section_reader(model), _collation(config, model, truncation))


def _refuse_cached(pairs: Sequence[Example]) -> None:
    cached = next((pair for pair in pairs if pair.cached is not None), None)
    if cached is not None:
        raise InputError(
            "a policy of an audio-language model learns from cut clips, and its encoder cache holds whole "
            f"ones ({cached.id}): leave encoder_cache out"
        )


def _collation(config: DataConfig, model: AudioLanguageModel, truncation: TruncationSection) -> Collation:
    return Collation(
        end_of_sequence=model.tokenizer.end_of_sequence,
        front_end=WhisperFrontEnd(model.mel_bins, model.frame_ms),
        truncation=truncation,
        with_whole_audio=True,
        seed=config.reader.seed,
        heard=TrainingHearing(PLAIN, model.window_frames),  # clips come as waveforms
        most_frames=model.window_frames,
    )
