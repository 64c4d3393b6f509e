"""A GGUF file in PyTorch is the model that the embedded engine runs, and its tokenizer the engine's."""

import copy
from pathlib import Path

import gguf
import numpy as np
import openvino_genai as genai
import pytest
import torch
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

from causette.errors import InvalidRequest
from causette.lab.gguf import load_model, load_tokenizer, write_gguf
from causette.lab.gguf.reading import GgufFile
from causette.lab.gguf.tensors import halved, names, rotated_heads
from tests.lab.gguf.running import greedy, judged, small_llama

PROMPTS = [
    "<|im_start|>user\nWhat is the capital of France?<|im_end|>\n<|im_start|>assistant\n",
    "def fibonacci(n):\n    ",
    "L'été dernier, nous",
]
TEXTS = [
    "Hello there, it's John's.",
    "L’été, c'est déjà fini… « Où étais-tu ? »",
    "for (int i = 0; i < 10; i++) {\n\tx += 1;  // one\r\n}\n\n\n",
    "1234567890 3.14 1٣٤५६ ½",
    "🎉👨‍👩‍👧 日本語のテキスト",
    "   many    spaces \u00a0 and\u2003others ",
    "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n<|endoftext|><repo_name>x",
    "<|im_start <|im_end|x> a" + "a" * 200,
]


def as_the_engine_reads(path: Path, model: LlamaForCausalLM) -> LlamaForCausalLM:
    """The model with the minimum of each Q4_1 block rounded to a whole number of the block's steps, half upwards.

    OpenVINO GenAI stores a zero point of four bits where Q4_1 has a minimum of sixteen.
    """
    read, config = copy.deepcopy(model), model.config
    weights = read.state_dict()
    file = GgufFile(path)
    for name, torch_name in names(config.num_hidden_layers, tied=True).items():
        if file.tensor_type(name) is not GGMLQuantizationType.Q4_1:
            continue
        blocks = file.stored(name).reshape(-1, 20)
        step, minimum = blocks[:, :4].copy().view(np.float16).astype(np.float32).T[:, :, None]
        values = np.hstack([blocks[:, 4:] & 15, blocks[:, 4:] >> 4]).astype(np.float32)
        zero = np.floor(-minimum / step + 0.5)
        rows = ((values - zero) * step).reshape(weights[torch_name].shape)
        heads = rotated_heads(name, heads=config.num_attention_heads, key_heads=config.num_key_value_heads)
        weights[torch_name].copy_(torch.from_numpy(rows if heads is None else halved(rows, heads)))
    return read


def test_log_probabilities_are_the_engines(
    text_model_path: Path, smollm: LlamaForCausalLM, smollm_tokenizer: PreTrainedTokenizerFast
):
    prompts = [smollm_tokenizer.encode(prompt, add_special_tokens=False) for prompt in PROMPTS]
    model = as_the_engine_reads(text_model_path, smollm)
    for prompt, reply in zip(prompts, greedy(text_model_path, prompts, 12), strict=True):
        off, said = judged(model, prompt, reply)
        assert off < 5e-4
        assert said == reply.ids


def test_token_ids_are_the_engines(text_model_path: Path, smollm_tokenizer: PreTrainedTokenizerFast):
    engines = genai.Tokenizer(str(text_model_path))
    for text in TEXTS:
        theirs = np.asarray(engines.encode(text, add_special_tokens=False).input_ids.data).ravel().tolist()
        assert smollm_tokenizer.encode(text, add_special_tokens=False) == theirs
        assert smollm_tokenizer.decode(theirs) == text


def test_special_tokens_and_template_are_the_files(
    text_model_path: Path, smollm_tokenizer: PreTrainedTokenizerFast
):
    assert smollm_tokenizer.eos_token == smollm_tokenizer.pad_token == "<|im_end|>"
    assert (smollm_tokenizer.bos_token, smollm_tokenizer.unk_token) == ("<|im_start|>", "<|endoftext|>")
    turns = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]
    engines = genai.Tokenizer(str(text_model_path))
    assert smollm_tokenizer.apply_chat_template(
        turns, tokenize=False, add_generation_prompt=True
    ) == engines.apply_chat_template(turns, add_generation_prompt=True)


def test_configuration_is_the_files(smollm: LlamaForCausalLM):
    config = smollm.config
    assert (config.num_hidden_layers, config.hidden_size, config.intermediate_size) == (30, 576, 1536)
    assert (config.num_attention_heads, config.num_key_value_heads, config.head_dim) == (9, 3, 64)
    assert (config.vocab_size, config.max_position_embeddings) == (49152, 8192)
    assert (config.rms_norm_eps, config.rope_parameters["rope_theta"]) == (1e-5, 100_000)
    assert config.tie_word_embeddings
    assert smollm.lm_head.weight is smollm.model.embed_tokens.weight
    assert smollm.generation_config.eos_token_id == 2


def test_a_loaded_model_trains_and_saves(
    tiny: LlamaForCausalLM, tiny_tokenizer: PreTrainedTokenizerFast, tmp_path: Path
):
    write_gguf(tiny, tiny_tokenizer, tmp_path / "tiny.gguf", quantisation="Q4_0")
    model = load_model(tmp_path / "tiny.gguf").train()
    ids = torch.tensor([[5, 6, 7, 8]])
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    losses: list[float] = []
    for _ in range(3):
        loss = model(ids, labels=ids).loss
        losses.append(loss.item())
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    assert losses[2] < losses[0]
    model.save_pretrained(tmp_path / "saved")
    again = LlamaForCausalLM.from_pretrained(tmp_path / "saved", dtype=torch.float32)
    assert torch.equal(again.lm_head.weight, model.lm_head.weight)


def test_weights_come_in_the_type_that_is_asked_for(
    tiny: LlamaForCausalLM, tiny_tokenizer: PreTrainedTokenizerFast, tmp_path: Path
):
    write_gguf(tiny, tiny_tokenizer, tmp_path / "tiny.gguf")
    model = load_model(tmp_path / "tiny.gguf", dtype=torch.bfloat16)
    assert {parameter.dtype for parameter in model.parameters()} == {torch.bfloat16}


@pytest.mark.parametrize(
    "kind",
    ["F32", "F16", "BF16", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K"],
)
def test_every_way_of_storing_is_unpacked_as_the_gguf_package_does(kind: str, tmp_path: Path):
    stored = GGMLQuantizationType[kind]
    block, size = GGML_QUANT_SIZES[stored]
    # Bytes under 60 are finite numbers wherever a block has its scales.
    row_bytes = 512 // block * size
    data = np.random.default_rng(1).integers(0, 60, (3, row_bytes), np.uint8)
    path = tmp_path / "one.gguf"
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_array("odd", [1.5, 2.5])
    writer.add_tensor("before", np.ones(5, np.float32))
    writer.add_tensor("stored", data, raw_dtype=stored)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()

    file = GgufFile(path)
    assert file.tensor("stored").shape == (3, 512)
    assert np.array_equal(file.tensor("stored"), gguf.dequantize(data, stored).reshape(3, 512))
    assert file.tensor("before").tolist() == [1.0] * 5
    assert file.fields["odd"].value == [1.5, 2.5]


def test_metadata_is_what_the_gguf_package_reads(
    tiny: LlamaForCausalLM, tiny_tokenizer: PreTrainedTokenizerFast, tmp_path: Path
):
    write_gguf(tiny, tiny_tokenizer, tmp_path / "tiny.gguf")
    theirs = gguf.GGUFReader(tmp_path / "tiny.gguf").fields
    ours = GgufFile(tmp_path / "tiny.gguf").fields
    assert {key: field.value for key, field in ours.items()} == {
        key: field.contents() for key, field in theirs.items() if not key.startswith("GGUF.")
    }


@pytest.fixture(scope="session")
def tiny_bytes(tmp_path_factory: pytest.TempPathFactory, tiny_tokenizer: PreTrainedTokenizerFast) -> bytes:
    path = tmp_path_factory.mktemp("models") / "cut.gguf"
    write_gguf(small_llama(len(tiny_tokenizer)), tiny_tokenizer, path)
    return path.read_bytes()


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_file_that_is_cut_off_anywhere_is_refused(tiny_bytes: bytes, tmp_path: Path, data: st.DataObject):
    # Behind the last tensor there may be padding that nobody misses.
    length = data.draw(st.integers(0, len(tiny_bytes) - 33))
    path = tmp_path / "cut.gguf"
    path.write_bytes(tiny_bytes[:length])
    with pytest.raises(InvalidRequest, match="not a whole GGUF file"):
        load_model(path)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path):
    with pytest.raises(InvalidRequest, match="No such file"):
        load_model(tmp_path / "none.gguf")


@pytest.mark.parametrize(
    ("fields", "tensors", "complaint"),
    [
        ({"general.architecture": "qwen2"}, {}, "architecture qwen2"),
        ({"llama.rope.scaling.type": "yarn"}, {}, "stretches its rotary embedding"),
        ({"llama.rope.dimension_count": 8}, {}, "turns 8 of the 16 numbers"),
        ({"llama.attention.head_count": 0}, {}, "does not come out even"),
        ({"llama.attention.head_count": 3}, {}, "does not come out even"),
        ({"llama.block_count": 3}, {}, "lacks blk.2"),
        ({}, {"rope_freqs.weight": np.ones(8, np.float32)}, "rope_freqs.weight"),
        ({"llama.feed_forward_length": 32}, {}, "has the shape"),
    ],
)
def test_what_is_no_plain_llama_is_refused(
    tiny: LlamaForCausalLM,
    tiny_tokenizer: PreTrainedTokenizerFast,
    tmp_path: Path,
    fields: dict[str, str | int],
    tensors: dict[str, np.ndarray],
    complaint: str,
):
    plain, odd = tmp_path / "plain.gguf", tmp_path / "odd.gguf"
    write_gguf(tiny, tiny_tokenizer, plain, quantisation="F16")
    reader = gguf.GGUFReader(plain)
    writer = gguf.GGUFWriter(odd, "llama")
    values = {key: field.value for key, field in GgufFile(plain).fields.items()} | fields
    for key, value in values.items():
        if isinstance(value, str):
            writer.add_string(key, value)
        elif isinstance(value, list):
            writer.add_array(key, value)
        elif isinstance(value, bool):
            writer.add_bool(key, value)
        elif isinstance(value, int):
            writer.add_uint32(key, value)
        else:
            writer.add_float32(key, value)
    for tensor in reader.tensors:
        writer.add_tensor(tensor.name, np.array(tensor.data), raw_dtype=tensor.tensor_type)
    for name, array in tensors.items():
        writer.add_tensor(name, array)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    with pytest.raises(InvalidRequest, match=complaint):
        load_model(odd)


def tokenizer_file(path: Path, kind: str, tokens: list[str], eos: int) -> Path:
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_tokenizer_model(kind)
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(tokens)
    writer.add_token_merges(["a b"])
    writer.add_eos_token_id(eos)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def test_a_tokenizer_of_another_kind_is_refused(tmp_path: Path):
    path = tokenizer_file(tmp_path / "other.gguf", "llama", ["a", "b", "ab"], 2)
    with pytest.raises(
        InvalidRequest, match="of the kind llama/smollm; read here are gpt2/gpt-2, gpt2/smollm"
    ):
        load_tokenizer(path)


@pytest.mark.parametrize(
    ("tokens", "eos"), [(["a", "b", "a"], 2), (["a", "b", "ab"], 3), (["a", "b", "c"], 2)]
)
def test_a_damaged_tokenizer_is_refused(tmp_path: Path, tokens: list[str], eos: int):
    assert (
        load_tokenizer(tokenizer_file(tmp_path / "good.gguf", "gpt2", ["a", "b", "ab"], 2)).eos_token == "ab"
    )
    with pytest.raises(InvalidRequest, match="is damaged"):
        load_tokenizer(tokenizer_file(tmp_path / "damaged.gguf", "gpt2", tokens, eos))
