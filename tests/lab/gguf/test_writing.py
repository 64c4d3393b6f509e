"""What is written as GGUF is the model: to PyTorch when it is read again, and to the embedded engine."""

import math
from pathlib import Path

import numpy as np
import openvino_genai as genai
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tokenizers.normalizers import NFC
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

from causette.errors import InvalidRequest
from causette.lab.gguf import Quantisation, load_model, load_tokenizer, write_gguf
from causette.lab.gguf.reading import GgufFile
from causette.lab.gguf.tensors import halved, interleaved
from causette.models.types import DiskFull
from tests.lab.gguf.limits import files_of_at_most
from tests.lab.gguf.running import greedy, judged, logits, small_llama

QUANTISATIONS: list[Quantisation] = ["F16", "Q8_0", "Q4_1", "Q4_0"]
PROMPT = "the cat sat on"


def steps(weight: torch.Tensor, quantisation: Quantisation) -> torch.Tensor:
    """How far each number may move: its block's step, or a part of it."""
    if quantisation == "F16":
        return weight.abs() * 2**-11 + 2**-24
    blocks = weight.reshape(-1, 32)
    low, high = blocks.amin(1, keepdim=True).clamp(max=0), blocks.amax(1, keepdim=True).clamp(min=0)
    largest = torch.maximum(high, -low)
    step = {
        "Q8_0": largest / 127 * 0.57,
        "Q4_1": (high - low) / 15 * 0.52,
        "Q4_0": largest / 8 * 1.01,
    }[quantisation]
    return step.expand(-1, 32).reshape(weight.shape)


@pytest.mark.parametrize("quantisation", QUANTISATIONS)
def test_weights_come_back_within_the_quantisations_step(
    tiny: LlamaForCausalLM,
    tiny_tokenizer: PreTrainedTokenizerFast,
    tmp_path: Path,
    quantisation: Quantisation,
):
    write_gguf(tiny, tiny_tokenizer, tmp_path / "tiny.gguf", quantisation=quantisation)
    back = load_model(tmp_path / "tiny.gguf").state_dict()
    for name, weight in tiny.state_dict().items():
        kept = "Q8_0" if quantisation[0] == "Q" and ("embed" in name or "lm_head" in name) else quantisation
        if weight.dim() == 1:
            assert torch.equal(back[name], weight)
        else:
            assert ((back[name] - weight).abs() <= steps(weight, kept)).all(), name


def test_four_bits_take_half_of_eight(
    tiny: LlamaForCausalLM, tiny_tokenizer: PreTrainedTokenizerFast, tmp_path: Path
):
    matrix = {"F16": 2.0, "Q8_0": 34 / 32, "Q4_1": 20 / 32, "Q4_0": 18 / 32}
    embeddings = 2 * tiny.config.vocab_size * 64
    matrices = sum(weight.numel() for weight in tiny.state_dict().values() if weight.dim() == 2) - embeddings
    sizes: dict[Quantisation, int] = {}
    for quantisation in QUANTISATIONS:
        path = tmp_path / f"{quantisation}.gguf"
        write_gguf(tiny, tiny_tokenizer, path, quantisation=quantisation)
        sizes[quantisation] = path.stat().st_size
    for quantisation in ("Q4_1", "Q4_0"):
        saved = matrices * (matrix["Q8_0"] - matrix[quantisation])
        assert sizes["Q8_0"] - sizes[quantisation] == pytest.approx(saved, abs=64)


def test_float16_gives_the_same_logits(
    tiny: LlamaForCausalLM, tiny_tokenizer: PreTrainedTokenizerFast, tmp_path: Path
):
    write_gguf(tiny, tiny_tokenizer, tmp_path / "tiny.gguf", quantisation="F16")
    ids = tiny_tokenizer.encode(PROMPT, add_special_tokens=False)
    before, after = logits(tiny, ids), logits(load_model(tmp_path / "tiny.gguf"), ids)
    assert (before - after).abs().max() < 2e-3 * before.abs().max()


@pytest.mark.parametrize(
    ("quantisation", "tolerance"), [("F16", 1e-4), ("Q8_0", 1e-4), ("Q4_0", 1e-4), ("Q4_1", 5e-2)]
)
def test_the_engine_runs_a_model_of_the_labs_making_as_pytorch_does(
    tiny: LlamaForCausalLM,
    tiny_tokenizer: PreTrainedTokenizerFast,
    tmp_path: Path,
    quantisation: Quantisation,
    tolerance: float,
):
    path = tmp_path / "tiny.gguf"
    write_gguf(tiny, tiny_tokenizer, path, quantisation=quantisation)
    model = load_model(path)
    prompt = tiny_tokenizer.encode(PROMPT, add_special_tokens=False)
    (reply,) = greedy(path, [prompt], 12)
    off, said = judged(model, prompt, reply)
    assert off < tolerance
    assert said == reply.ids


def test_a_trained_default_model_says_in_the_engine_what_it_says_in_pytorch(
    text_model_path: Path, smollm: LlamaForCausalLM, smollm_tokenizer: PreTrainedTokenizerFast, tmp_path: Path
):
    path = tmp_path / "smollm.gguf"
    write_gguf(smollm, smollm_tokenizer, path, quantisation="Q8_0", base=text_model_path)
    model = load_model(path)
    prompts = [
        smollm_tokenizer.encode(text, add_special_tokens=False)
        for text in (
            "<|im_start|>user\nName a fruit.<|im_end|>\n<|im_start|>assistant\n",
            "Il était une fois",
        )
    ]
    for prompt, reply in zip(prompts, greedy(path, prompts, 10), strict=True):
        off, said = judged(model, prompt, reply)
        assert off < 5e-4
        assert said == reply.ids


def test_tokenizer_and_description_are_the_bases(
    text_model_path: Path, smollm_tokenizer: PreTrainedTokenizerFast, tmp_path: Path
):
    small = small_llama(49152)
    path = tmp_path / "small.gguf"
    write_gguf(small, smollm_tokenizer, path, base=text_model_path)
    before, after = GgufFile(text_model_path).fields, GgufFile(path).fields
    changed = {key for key in after if before.get(key) != after[key]}
    assert "general.name" in after
    assert not any(key.startswith("tokenizer.") for key in changed)
    assert "general.file_type" in changed
    assert after["llama.embedding_length"].value == 32


def test_a_tokenizer_is_described_as_its_own_file_does(
    text_model_path: Path, smollm_tokenizer: PreTrainedTokenizerFast, tmp_path: Path
):
    write_gguf(small_llama(49152), smollm_tokenizer, tmp_path / "small.gguf")
    before, after = GgufFile(text_model_path).fields, GgufFile(tmp_path / "small.gguf").fields
    assert {key: before[key] for key in before if key.startswith("tokenizer.")} == {
        key: after[key] for key in after if key.startswith("tokenizer.")
    }


def test_a_tokenizer_of_the_labs_comes_back(
    tiny: LlamaForCausalLM, tiny_tokenizer: PreTrainedTokenizerFast, tmp_path: Path
):
    write_gguf(tiny, tiny_tokenizer, tmp_path / "tiny.gguf")
    back = load_tokenizer(tmp_path / "tiny.gguf")
    text = "<|im_start|>the cat 123 été 🎉<|im_end|>"
    assert back.get_vocab() == tiny_tokenizer.get_vocab()
    assert back.encode(text) == tiny_tokenizer.encode(text)
    assert back.chat_template == tiny_tokenizer.chat_template
    assert (back.bos_token, back.eos_token, back.pad_token) == (
        "<|endoftext|>",
        "<|im_end|>",
        "<|endoftext|>",
    )


def test_the_engine_reads_the_labs_tokenizer_and_template(
    tiny: LlamaForCausalLM, tiny_tokenizer: PreTrainedTokenizerFast, tmp_path: Path
):
    write_gguf(tiny, tiny_tokenizer, tmp_path / "tiny.gguf")
    engines = genai.Tokenizer(str(tmp_path / "tiny.gguf"))
    turns = [
        {"role": "user", "content": "the cat 2024 été 🎉\n\n it's"},
        {"role": "assistant", "content": "mat"},
    ]
    prompt = tiny_tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
    assert engines.apply_chat_template(turns, add_generation_prompt=True) == prompt
    theirs = engines.encode(prompt, add_special_tokens=False).input_ids.data
    assert np.asarray(theirs).ravel().tolist() == tiny_tokenizer.encode(prompt)
    assert engines.get_eos_token_id() == tiny_tokenizer.eos_token_id


def test_embeddings_without_a_token_are_kept(tiny_tokenizer: PreTrainedTokenizerFast, tmp_path: Path):
    write_gguf(small_llama(320), tiny_tokenizer, tmp_path / "padded.gguf")
    assert load_model(tmp_path / "padded.gguf").config.vocab_size == 320
    assert load_tokenizer(tmp_path / "padded.gguf").encode(PROMPT) == tiny_tokenizer.encode(PROMPT)


def test_rows_that_are_no_whole_blocks_are_kept_as_float16(
    tiny_tokenizer: PreTrainedTokenizerFast, tmp_path: Path
):
    model = small_llama(len(tiny_tokenizer), intermediate_size=40)
    write_gguf(model, tiny_tokenizer, tmp_path / "odd.gguf", quantisation="Q4_0")
    assert GgufFile(tmp_path / "odd.gguf").tensor_type("blk.0.ffn_down.weight").name == "F16"
    assert load_model(tmp_path / "odd.gguf").config.intermediate_size == 40


@given(st.integers(1, 5), st.integers(1, 8), st.integers(1, 4))
def test_reordering_rows_is_undone_and_moves_whole_rows(heads: int, pairs: int, columns: int):
    rows = np.arange(heads * pairs * 2 * columns, dtype=np.float32).reshape(-1, columns)
    assert np.array_equal(halved(interleaved(rows, heads), heads), rows)
    head = interleaved(rows, heads)[: 2 * pairs]
    # Neighbours in GGUF are half a head apart in transformers.
    assert np.array_equal(head[0::2], rows[:pairs])
    assert np.array_equal(head[1::2], rows[pairs : 2 * pairs])


def test_a_full_disk_leaves_what_was_there_and_nothing_else(
    tiny: LlamaForCausalLM, tiny_tokenizer: PreTrainedTokenizerFast, tmp_path: Path
):
    path = tmp_path / "models" / "tiny.gguf"
    write_gguf(tiny, tiny_tokenizer, path, quantisation="Q4_0")
    before = path.read_bytes()
    with files_of_at_most(len(before)), pytest.raises(DiskFull, match="no room"):
        write_gguf(tiny, tiny_tokenizer, path, quantisation="F16")
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == ["tiny.gguf"]


@pytest.mark.parametrize("weight", [math.nan, math.inf, 1e6])
def test_a_model_that_has_diverged_is_not_written(
    tiny: LlamaForCausalLM, tiny_tokenizer: PreTrainedTokenizerFast, tmp_path: Path, weight: float
):
    with torch.no_grad():
        tiny.model.layers[1].mlp.up_proj.weight[3, 3] = weight
    with pytest.raises(InvalidRequest, match=r"layers\.1\.mlp\.up_proj.*diverged"):
        write_gguf(tiny, tiny_tokenizer, tmp_path / "tiny.gguf")
    assert list(tmp_path.iterdir()) == []


def test_a_tokenizer_of_another_model_is_refused(
    text_model_path: Path, tiny: LlamaForCausalLM, tiny_tokenizer: PreTrainedTokenizerFast, tmp_path: Path
):
    with pytest.raises(InvalidRequest, match="is not that of"):
        write_gguf(tiny, tiny_tokenizer, tmp_path / "tiny.gguf", base=text_model_path)
    with pytest.raises(InvalidRequest, match="10 embeddings"):
        write_gguf(small_llama(10), tiny_tokenizer, tmp_path / "small.gguf")


def test_a_tokenizer_that_gguf_has_no_name_for_is_refused(
    tiny: LlamaForCausalLM, tiny_tokenizer: PreTrainedTokenizerFast, tmp_path: Path
):
    other = PreTrainedTokenizerFast(tokenizer_object=tiny_tokenizer.backend_tokenizer)
    other.backend_tokenizer.normalizer = NFC()
    with pytest.raises(InvalidRequest, match="cannot be said in GGUF"):
        write_gguf(tiny, other, tmp_path / "tiny.gguf")


def test_a_llama_with_biases_is_refused(tiny_tokenizer: PreTrainedTokenizerFast, tmp_path: Path):
    biased = small_llama(len(tiny_tokenizer), attention_bias=True)
    with pytest.raises(InvalidRequest, match=r"no place for .*bias"):
        write_gguf(biased, tiny_tokenizer, tmp_path / "biased.gguf")
