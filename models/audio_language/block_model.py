"""Families whose encoder hears audio in blocks that do not see each other.

A finished block is encoded once, and what the language model makes of it is kept
(`models.audio_language.block_encoder`). Only the block that is still being heard is encoded anew.

Shapes: B streams, N blocks, M mel bins, F feature frames, T audio frames, W width of the encoder.
"""

from abc import abstractmethod

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from foundation.errors import InputError
from models.audio_language.audio_streams import AudioStreamEncoder
from models.audio_language.block_encoder import BlockEncoder
from models.audio_language.hub_model import HubModel
from models.audio_language.model import AudioFeatures, AudioFrames
from models.translator import TranslatorOptions


class BlockwiseModel(HubModel):
    """One model of such a family."""

    block_frames: int  # feature frames of a block
    lookback_frames = 0  # feature frames before a block that its encoder sees, too
    lookahead_frames = 0
    fewest_frames = 1

    @abstractmethod
    def encode_blocks(self, values: Tensor, lengths: Tensor, first: Tensor) -> AudioFrames:
        """The encoder's output for N blocks that are independent of each other.

        values (N, M, lookback_frames + F): features, of which so many stand before the block (zeros, where
        nothing does), and silence behind the end; lengths (N,) of the block's own are heard; first (N,) bool:
        blocks that begin their stream.
        """

    def encode_features(self, features: AudioFeatures) -> AudioFrames:
        values, lengths, first, counts = [], [], [], []
        for row, length in zip(features.values, features.lengths.tolist(), strict=True):
            starts = range(0, length, self.block_frames)
            row = F.pad(row, (self.lookback_frames, 0))
            counts.append(len(starts))
            for start in starts:
                values.append(row[:, start : start + self.lookback_frames + self.block_frames].T)
                lengths.append(min(length - start, self.block_frames))
                first.append(start == 0)
        blocks = self.encode_blocks(
            pad_sequence(values, batch_first=True).transpose(1, 2),
            torch.tensor(lengths, device=self.device),
            torch.tensor(first, device=self.device),
        )
        parts = [part[:count] for part, count in zip(blocks.values, blocks.lengths.tolist(), strict=True)]
        rows, place = [], 0
        for count in counts:
            rows.append(torch.cat(parts[place : place + count]))
            place += count
        return AudioFrames(pad_sequence(rows, batch_first=True), self.frame_lengths(features.lengths))

    def open_encoder(self, options: TranslatorOptions) -> AudioStreamEncoder:
        if options.frozen_after_s is not None:
            raise InputError(
                f"frozen_after_s is an option of Whisper, REINA and Qwen2-Audio, and {self.family} keeps "
                "finished blocks of audio anyway: leave it out"
            )
        return BlockEncoder(self, options.trailing_silence_ms)
