"""PyTorch to GGUF: the file that the embedded engine, llama.cpp and what is built on it load."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final, Literal, cast

import numpy as np
import torch
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType, GGUFValueType, GGUFWriter, LlamaFileType
from gguf.quants import quant_shape_to_byte_shape
from numpy.typing import NDArray
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from causette.errors import InvalidRequest
from causette.lab.disk import whole_file
from causette.lab.gguf.packing import packed
from causette.lab.gguf.reading import Field, GgufFile
from causette.lab.gguf.tensors import interleaved, names, rotated_heads
from causette.lab.gguf.vocabulary import tokenizer_fields

Quantisation = Literal["F16", "Q8_0", "Q4_1", "Q4_0"]

_FILE_TYPES: Final[Mapping[Quantisation, LlamaFileType]] = {
    "F16": LlamaFileType.MOSTLY_F16,
    "Q8_0": LlamaFileType.MOSTLY_Q8_0,
    "Q4_1": LlamaFileType.MOSTLY_Q4_1,
    "Q4_0": LlamaFileType.MOSTLY_Q4_0,
}
#: Of the four bits' files: each of these decides on a token alone, and they are half of a small model.
_EIGHT_BITS: Final = frozenset({"token_embd.weight", "output.weight"})
_QUANTISATION_VERSION: Final = 2
_ALIGNMENT: Final = 32
#: What the scale of a block and an F16 weight can be.
_LARGEST: Final = float(np.finfo(np.float16).max)
#: Of the base's own description: what is no longer true of a model that was trained on.
_OUTDATED: Final = frozenset(
    {"general.architecture", "general.file_type", "general.quantization_version", "general.alignment"}
)


def write_gguf(
    model: LlamaForCausalLM,
    tokenizer: PreTrainedTokenizerFast,
    path: Path,
    *,
    quantisation: Quantisation = "Q8_0",
    base: Path | None = None,
    on_tensor: Callable[[int, int], object] = lambda done, total: None,
) -> None:
    """Write ``model`` to the GGUF file ``path``, whole or not at all; one that is there is replaced.

    Weights are quantised one matrix at a time, so that it takes little memory beside the model's own.

    Args:
        model: a Llama without biases and with a plain rotary embedding.
        tokenizer: the one that it was trained with.
        path: where to.
        quantisation: of the matrices. Vectors are kept as F32, embeddings of four-bit files as Q8_0, and rows that are
            not of whole blocks of 32 numbers as F16.
        base: the file that the model began as: its description, tokenizer and chat template are copied as they are.
        on_tensor: told after each how many are written, and of how many.

    Raises:
        InvalidRequest: the model, or its tokenizer, cannot be said in GGUF, or is not the one of ``base``.
        DiskFull: there is no room for it; nothing is left of it.
    """
    config = _plain_config(model)
    described = tokenizer_fields(tokenizer, config.vocab_size)
    if base is not None:
        described = _base_fields(base, described)
    weights = cast("dict[str, torch.Tensor]", model.state_dict())
    stored = names(config.num_hidden_layers, tied=config.tie_word_embeddings)
    if unknown := weights.keys() - stored.values() - {"lm_head.weight"}:
        raise InvalidRequest(
            f"GGUF's Llama has no place for {', '.join(sorted(unknown)[:3])}. "
            "Merge an adapter into the model before writing it; biases are not written.",
            param="model",
        )
    types = {
        name: _type(name, weights[torch_name].shape, quantisation) for name, torch_name in stored.items()
    }
    with whole_file(path) as temporary:
        writer = GGUFWriter(None, "llama")
        for key, field in (described | _model_fields(config, quantisation)).items():
            writer.add_key_value(key, field.value, field.type, field.items)
        for name, torch_name in stored.items():
            shape = quant_shape_to_byte_shape(weights[torch_name].shape, types[name])
            writer.add_tensor_info(name, shape, np.dtype(np.uint8), int(np.prod(shape)), types[name])
        writer.write_header_to_file(temporary)
        writer.write_kv_data_to_file()
        writer.write_ti_data_to_file()
        writer.close()
        # Not by the writer: numpy's tofile does not say what the system's reason was.
        with temporary.open("ab") as file:
            for done, (name, rows) in enumerate(_rows(weights, stored, config), 1):
                file.write(bytes(-file.tell() % _ALIGNMENT))
                file.write(packed(rows, types[name]).data)
                on_tensor(done, len(stored))
            file.write(bytes(-file.tell() % _ALIGNMENT))


def _rows(
    weights: Mapping[str, torch.Tensor], stored: Mapping[str, str], config: LlamaConfig
) -> Iterator[tuple[str, NDArray[np.float32]]]:
    for name, torch_name in stored.items():
        rows = cast("NDArray[np.float32]", weights[torch_name].detach().float().cpu().numpy())
        if not np.abs(rows).max() <= _LARGEST:
            raise InvalidRequest(
                f"{torch_name} has a weight that is not a number below {_LARGEST:,.0f}: the training has diverged. "
                "Go back to an earlier checkpoint.",
                param="model",
            )
        heads = rotated_heads(
            name, heads=config.num_attention_heads, key_heads=config.num_key_value_heads or 0
        )
        yield name, rows if heads is None else interleaved(rows, heads)


def _type(name: str, shape: torch.Size, quantisation: Quantisation) -> GGMLQuantizationType:
    if len(shape) == 1:
        return GGMLQuantizationType.F32
    wanted = GGMLQuantizationType[quantisation]
    if name in _EIGHT_BITS and quantisation != "F16":
        wanted = GGMLQuantizationType.Q8_0
    block, _ = GGML_QUANT_SIZES[wanted]
    return wanted if shape[-1] % block == 0 else GGMLQuantizationType.F16


def _plain_config(model: LlamaForCausalLM) -> LlamaConfig:
    config = model.config
    rope = cast("dict[str, object]", config.rope_parameters or {})
    if config.model_type != "llama" or config.hidden_act != "silu" or rope.get("rope_type") != "default":
        raise InvalidRequest(
            f"Only a plain Llama is written as GGUF here; this is a {config.model_type} with {config.hidden_act} and "
            f"the rotary embedding {rope.get('rope_type')}.",
            param="model",
        )
    return config


def _model_fields(config: LlamaConfig, quantisation: Quantisation) -> dict[str, Field]:
    rope = cast("dict[str, float]", config.rope_parameters)
    head_size = config.head_dim or config.hidden_size // config.num_attention_heads
    counts = {
        "general.file_type": int(_FILE_TYPES[quantisation]),
        "general.quantization_version": _QUANTISATION_VERSION,
        "llama.block_count": config.num_hidden_layers,
        "llama.context_length": config.max_position_embeddings,
        "llama.embedding_length": config.hidden_size,
        "llama.feed_forward_length": config.intermediate_size,
        "llama.attention.head_count": config.num_attention_heads,
        "llama.attention.head_count_kv": config.num_key_value_heads or config.num_attention_heads,
        "llama.attention.key_length": head_size,
        "llama.attention.value_length": head_size,
        "llama.rope.dimension_count": head_size,
        "llama.vocab_size": config.vocab_size,
    }
    numbers = {
        "llama.rope.freq_base": rope["rope_theta"],
        "llama.attention.layer_norm_rms_epsilon": config.rms_norm_eps,
    }
    return {key: Field(count, GGUFValueType.UINT32) for key, count in counts.items()} | {
        key: Field(number, GGUFValueType.FLOAT32) for key, number in numbers.items()
    }


def _base_fields(base: Path, described: Mapping[str, Field]) -> dict[str, Field]:
    fields = {
        key: field
        for key, field in GgufFile(base).fields.items()
        if key.startswith(("general.", "tokenizer.")) and key not in _OUTDATED
    }
    for key in ("tokenizer.ggml.tokens", "tokenizer.ggml.merges"):
        if key not in fields or fields[key].value != described[key].value:
            raise InvalidRequest(
                f"The tokenizer is not that of {base}: their {key.rpartition('.')[2]} differ. "
                "Leave the base out, and the tokenizer's own description is written.",
                param="base",
            )
    return fields
