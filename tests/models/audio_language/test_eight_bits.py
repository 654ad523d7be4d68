"""Language models that multiply in 8 bits, whatever the family."""

import torch

from models.registry import load_translator
from models.translator import TranslatorOptions
from tests.models.tiny_qwen2_audio import write_tiny_qwen2_audio


def test_eight_bits_change_little(tmp_path, speech):
    """Of the language model; the audio encoder stays in float32."""
    folder = write_tiny_qwen2_audio(tmp_path / "tiny", end_scale=2.5)
    outputs = []
    for precision in ("float32", "int8"):
        loaded = load_translator(str(folder), TranslatorOptions(precision=precision))
        memory = loaded.encode([speech[:32_000]])
        prompt = loaded.tokenizer.prompt("en", "de")
        outputs.append((memory.frames, loaded.start(memory, [prompt])[1].log_probabilities))
    (frames, exact), (same_frames, rough) = outputs
    assert torch.equal(frames, same_frames)
    some = exact.isfinite()
    assert 0 < float((exact - rough)[some].abs().mean()) < 0.3
