"""Qwen2-Audio over its own classes: encoder and teacher forcing against transformers, folders, bad input."""

import json
import shutil
import sys

import numpy as np
import pytest
import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import AutoProcessor, Qwen2AudioForConditionalGeneration

from foundation.errors import InputError
from models.audio_language.families import load_audio_language_model
from models.audio_language.qwen2_audio import Qwen2Audio
from models.registry import load_translator
from models.translator import TranslatorOptions
from tests.models.tiny_qwen2_audio import WINDOW_S, parts, write_tiny_qwen2_audio, write_tiny_tokenizer
from tests.models.tiny_whisper import write_tiny_whisper

# Odd and even numbers of frames on every level, the shortest that transformers can do, a full window (but
# for its last samples, in which transformers reflects the audio instead of hearing silence behind it).
SAMPLES = (32_077, 16_000, 16_160, 9_000, 8_900, 640, 16_000 * WINDOW_S - 50)
TARGETS = ([5, 6, 7], [8], [9, 10, 11, 12], [1, 2], [3], [4, 3], [2, 1])


def noise(samples, seed=0):
    return np.random.default_rng(seed).normal(0, 0.1, samples).astype(np.float32)


WAVEFORMS = [noise(samples, seed) for seed, samples in enumerate(SAMPLES)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_tiny_qwen2_audio(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def model(folder):
    return load(folder)


@pytest.fixture(scope="module")
def reference(folder):
    return Qwen2AudioForConditionalGeneration.from_pretrained(folder).eval()


@pytest.fixture(scope="module")
def processor(folder):
    return AutoProcessor.from_pretrained(folder)


def load(folder, **options):
    return load_audio_language_model(folder, TranslatorOptions(**options))


def masked_window(processor, waveform):
    return processor.feature_extractor(
        waveform, sampling_rate=16_000, return_attention_mask=True, padding="max_length", return_tensors="pt"
    )


@torch.no_grad()
def test_encoder_of_heard_frames_equals_the_masked_window_of_transformers(model, reference, processor):
    """All clips in one batch here, each alone over the whole window there."""
    found = model.audio_embeddings(model.features(WAVEFORMS))
    tower = parts(reference).audio_tower
    for row, waveform in enumerate(WAVEFORMS):
        window = masked_window(processor, waveform)
        half, length = tower._get_feat_extract_output_lengths(window.attention_mask.sum(-1))
        mask = torch.zeros(1, 1, 50 * WINDOW_S, 50 * WINDOW_S)
        mask[..., int(half) :] = -torch.inf
        expected = parts(reference).multi_modal_projector(
            tower(window.input_features, attention_mask=mask).last_hidden_state
        )
        assert int(found.lengths[row]) == int(length)
        assert torch.allclose(found.values[row, : int(length)], expected[0, : int(length)], atol=1e-5)


def test_audio_too_short_for_a_frame_is_one_frame(model):
    """transformers fails for less than 30 ms; here silence fills the first 40."""
    frames = model.encode_features(model.features([noise(1), noise(400)]))
    assert frames.lengths.tolist() == [1, 1]


@torch.no_grad()
def test_teacher_forced_logits_are_those_of_transformers(model, reference, processor):
    prompts = [model.prompt("en", language) for language in ("de", "fr", "zh", "de", "de", "fr", "de")]
    logits, real = model.teacher_forced(model.features(WAVEFORMS), prompts, TARGETS)
    assert real.sum(1).tolist() == [len(target) for target in TARGETS]
    for row, (waveform, prompt, target) in enumerate(zip(WAVEFORMS, prompts, TARGETS, strict=True)):
        window = masked_window(processor, waveform)
        frames = int(model.frame_lengths(window.attention_mask.sum()))
        audio = [model.tokenizer.audio_token] * frames
        tokens = torch.tensor([[*prompt.before, *audio, *prompt.after, *target[:-1]]])
        expected = reference(
            input_ids=tokens,
            attention_mask=torch.ones_like(tokens),
            input_features=window.input_features,
            feature_attention_mask=window.attention_mask,
        ).logits[0, -len(target) :]
        assert torch.allclose(logits[row, : len(target)], expected, atol=1e-4)


def test_stored_encoder_output_gives_the_same_logits(model):
    prompts = [model.prompt("en", "de")] * 2
    features = model.features(WAVEFORMS[:2])
    from_features, _ = model.teacher_forced(features, prompts, TARGETS[:2])
    from_frames, _ = model.teacher_forced(model.encode_features(features), prompts, TARGETS[:2])
    assert torch.equal(from_features, from_frames)


def test_gradients_reach_every_weight(folder):
    model = load(folder)
    logits, real = model.teacher_forced(
        model.features(WAVEFORMS[:2]), [model.prompt("en", "de")] * 2, TARGETS[:2]
    )
    logits[real].logsumexp(-1).sum().backward()
    without = [name for name, weight in model.network.named_parameters() if weight.grad is None]
    [name] = without
    assert name.endswith("audio_tower.embed_positions.weight")  # fixed, as in Whisper


def test_a_row_beyond_the_context_is_refused(model):
    with pytest.raises(ValueError, match="row 0 has 3[0-9]+ tokens, the model's context holds 320"):
        model.teacher_forced(model.features(WAVEFORMS[:1]), [model.prompt("en", "de")], [[5] * 250])


def test_the_default_prompt_is_the_chat_of_the_processor(model, processor):
    conversation = [
        {"role": "system", "content": "You are a helpful assistant."},
        {
            "role": "user",
            "content": [
                {"type": "audio", "audio_url": "clip.wav"},
                {"type": "text", "text": "Translate the English speech into German text."},
            ],
        },
    ]
    text = processor.apply_chat_template(conversation, add_generation_prompt=True, tokenize=False)
    assert text == Qwen2Audio.usual_prompt.format(source="English", target="German", context="")
    expected = processor.tokenizer(text).input_ids
    assert model.tokenizer.prompt("en", "de") == expected


def test_saved_folder_loads_here_and_in_transformers(model, tmp_path):
    model.save(tmp_path / "saved")
    prompt = model.prompt("en", "de")
    for other in (load(tmp_path / "saved"), load(shutil.copytree(tmp_path / "saved", tmp_path / "copy"))):
        assert other.prompt("en", "de") == prompt
        theirs, mine = (
            one.teacher_forced(one.features(WAVEFORMS[:1]), [prompt], TARGETS[:1])[0]
            for one in (other, model)
        )
        assert torch.equal(theirs, mine)
    network = Qwen2AudioForConditionalGeneration.from_pretrained(tmp_path / "saved")
    for name, weight in network.state_dict().items():
        assert torch.equal(weight, model.network.state_dict()[name]), name
    AutoProcessor.from_pretrained(tmp_path / "saved")
    with pytest.raises(InputError, match="exists: choose another folder"):
        model.save(tmp_path / "saved")


def test_folder_of_an_adapter_is_merged_into_its_base(folder, tmp_path):
    base = load(folder)
    settings = LoraConfig(r=2, target_modules=["q_proj", "v_proj"], init_lora_weights=False)
    adapted = get_peft_model(base.network, settings)
    prompt = base.prompt("en", "de")
    expected, _ = base.teacher_forced(base.features(WAVEFORMS[:1]), [prompt], TARGETS[:1])
    adapted.save_pretrained(tmp_path / "adapter")
    for name in ("config.json", "tokenizer.json"):
        shutil.copy(folder / name, tmp_path / "adapter" / name)
    description = tmp_path / "adapter" / "adapter_config.json"
    description.write_text(
        json.dumps(json.loads(description.read_text()) | {"base_model_name_or_path": str(folder)})
    )
    merged = load(tmp_path / "adapter")
    found, _ = merged.teacher_forced(merged.features(WAVEFORMS[:1]), [prompt], TARGETS[:1])
    assert torch.allclose(found, expected, atol=1e-4)
    plain, _ = load(folder).teacher_forced(merged.features(WAVEFORMS[:1]), [prompt], TARGETS[:1])
    assert not torch.allclose(plain, expected, atol=1e-2)

    description.write_text(json.dumps({"peft_type": "LORA"}))
    with pytest.raises(InputError, match="names no base_model_name_or_path"):
        load(tmp_path / "adapter")


def test_configuration_gives_prompt_and_languages(tmp_path):
    section = {"prompt": "<|AUDIO|>{source} {target}:", "languages": ["de", "fr"], "source_languages": ["en"]}
    write_tiny_qwen2_audio(tmp_path / "model", translation=section)
    model = load(tmp_path / "model")
    assert model.tokenizer.decode(model.prompt("en", "fr").after) == "English French:"
    assert model.prompt("en", "fr").before == ()
    # Without a chat format the text ends as a document does.
    assert model.tokenizer.end_of_sequence == model.network.config.audio_token_index - 3
    with pytest.raises(InputError, match="does not write it: it writes de, fr"):
        model.prompt("en", "en")
    with pytest.raises(InputError, match="writes 'de' but does not understand it: it understands en"):
        model.prompt("de", "fr")
    other = load(tmp_path / "model", prompt="Hear <|AUDIO|> in {target}.")
    assert other.tokenizer.decode(other.prompt("en", "fr").after) == " in French."


def broken(folder, tmp_path, change):
    copy = shutil.copytree(folder, tmp_path / "broken")
    change(copy)
    return copy


def other_configuration(**changes):
    def change(folder):
        config = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps(config | changes))

    return change


def without_a_tensor(folder):
    weights = load_file(folder / "model.safetensors")
    del weights["multi_modal_projector.linear.weight"]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def truncated(folder):
    content = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(content[: len(content) // 2])


def other_tokenizer(leave_out):
    return lambda folder: write_tiny_tokenizer(folder, leave_out)


BROKEN = {
    "no tokenizer": (lambda folder: (folder / "tokenizer.json").unlink(), "lacks tokenizer.json"),
    "tokenizer of another model": (other_tokenizer("<|audio_bos|>"), r"lacks <\|audio_bos\|>, so it is not"),
    "no place for audio": (other_tokenizer("<|AUDIO|>"), r"lacks <\|AUDIO\|>, so it is not the tokenizer"),
    "no end": (other_tokenizer("<|im_end|>"), r"lacks <\|im_end\|>"),
    "text for a tokenizer": (
        lambda folder: (folder / "tokenizer.json").write_text("{}"),
        "not a readable tokenizer",
    ),
    "a tensor missing": (without_a_tensor, "lack 1 tensors .*multi_modal_projector.linear.weight.: download"),
    "truncated": (truncated, "holds no usable Qwen2-Audio"),
    "no weights": (lambda folder: (folder / "model.safetensors").unlink(), "holds no usable Qwen2-Audio"),
    "prompt is a number": (other_configuration(translation={"prompt": 7}), "no usable translation prompt"),
    "languages is a text": (
        other_configuration(translation={"languages": "de"}),
        "no usable translation languages",
    ),
    "alignment heads": (
        other_configuration(translation={"alignment_heads": [3, 4]}),
        "alignment_heads as pairs",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_folder_is_refused_with_what_to_do(case, folder, tmp_path):
    change, message = BROKEN[case]
    with pytest.raises(InputError, match=message):
        load(broken(folder, tmp_path, change))


def test_a_model_without_audio_is_refused(folder, tmp_path):
    write_tiny_whisper(tmp_path / "whisper")
    with pytest.raises(InputError, match="'whisper' model, no audio-language model .*qwen2_audio"):
        load(tmp_path / "whisper")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="holds no config.json, no audio-language model"):
        load(tmp_path / "empty")
    with pytest.raises(InputError, match="'bert' model.*known: whisper, reina, canary, qwen2_audio"):
        load_translator(
            str(broken(folder, tmp_path, other_configuration(model_type="bert"))), TranslatorOptions()
        )


def test_missing_transformers_names_the_extra(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(InputError, match=r"need transformers.*pip install -e '.\[audio-language\]'"):
        load(folder)
