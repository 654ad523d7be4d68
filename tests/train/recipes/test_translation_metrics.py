"""What a training step of translators logs."""

import numpy as np
import torch
from fairseq2.metrics import MetricBag

from models.reina.sentencepiece_tokenizer import SentencePieceTokenizer
from tests.models.tiny_reina import LANGUAGES, tiny_reina, write_tiny_pieces
from train.data.batches import Collation
from train.data.examples import Example
from train.recipes.start_model import StartModel
from train.translator.model import MultitaskTranslator
from train.translator.unit import TranslationUnit


def test_steps_without_speech_log_no_loss_of_speech(tmp_path):
    tokenizer = SentencePieceTokenizer(write_tiny_pieces(tmp_path / "m.model"), LANGUAGES, ["en"])
    start = StartModel(tiny_reina(), tokenizer)
    words = np.array([4, 5, 6], np.int32)
    pair = Example("a/1/nmt/de", "de", (tokenizer.tag("de"),), words, "", source=words)
    batch = Collation(tokenizer.end_of_sequence, start.model.front_end, None, False, seed=0).batch(
        [], [pair], 0
    )
    unit, metrics = TranslationUnit(MultitaskTranslator(start, False), 0.0), MetricBag(torch.device("cpu"))
    unit.prepare_metric_bag(metrics)
    unit.process_batch(batch, metrics)
    values = {name: metric.compute() for name, metric in metrics.metrics.items()}
    unit.process_metric_values(values)
    assert set(values) == {"loss", "nll_loss", "text_nll"} and values["text_nll"] == values["nll_loss"] > 0
