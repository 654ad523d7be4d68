"""Writes public Whisper weights as Hugging Face folders, which the tests can also load with transformers.

python .ci/real_weights.py OUT        # OUT/tiny.en and OUT/base, as far as they can be had
"""

import shutil
import sys
from pathlib import Path

from transformers import WhisperConfig, WhisperForConditionalGeneration

from foundation.errors import InputError
from models.storage.locate import locate_model
from models.whisper.checkpoint import WhisperCheckpoint, load_whisper_checkpoint
from models.whisper.huggingface_names import openai_name


def main() -> None:
    out = Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    for size in ("tiny.en", "base"):
        try:
            folder = locate_model(size).resolve()
        except InputError as error:
            print(f"tests on real weights of {size} will be skipped: {error}")
            continue
        if (folder / "model.safetensors").exists():
            (out / size).symlink_to(folder)
        else:
            write_huggingface(load_whisper_checkpoint(folder), out / size)
        print(f"{size}: {out / size}, from {folder}")


def write_huggingface(checkpoint: WhisperCheckpoint, folder: Path) -> None:
    d = checkpoint.dimensions
    # English-only vocabularies have one token fewer before the end of text.
    end = 50_256 + d.n_vocab % 2
    config = WhisperConfig(
        vocab_size=d.n_vocab,
        num_mel_bins=d.n_mels,
        d_model=d.n_audio_state,
        encoder_layers=d.n_audio_layer,
        decoder_layers=d.n_text_layer,
        encoder_attention_heads=d.n_audio_head,
        decoder_attention_heads=d.n_text_head,
        encoder_ffn_dim=4 * d.n_audio_state,
        decoder_ffn_dim=4 * d.n_text_state,
        max_source_positions=d.n_audio_ctx,
        max_target_positions=d.n_text_ctx,
        bos_token_id=end,
        eos_token_id=end,
        pad_token_id=end,
        decoder_start_token_id=end + 1,
    )
    model = WhisperForConditionalGeneration(config)
    weights = {name: checkpoint.weights[openai_name(name)] for name in model.model.state_dict()}
    model.model.load_state_dict(weights)
    model.save_pretrained(folder)
    shutil.copy(checkpoint.tokenizer_file, folder / "tokenizer.json")


if __name__ == "__main__":
    main()
