"""GGUF to PyTorch: a Llama whose weights are plain numbers again, so that it can be trained and saved."""

from pathlib import Path
from typing import Final, cast

import torch
from transformers import LlamaConfig, LlamaForCausalLM

from causette.errors import InvalidRequest
from causette.lab.gguf.reading import GgufFile
from causette.lab.gguf.tensors import halved, names, rotated_heads

# What the format's description says of a file that does not say it.
_THETA: Final = 10_000.0


def load_model(path: Path, *, dtype: torch.dtype = torch.float32) -> LlamaForCausalLM:
    """The model in the GGUF file ``path``, on the CPU, ready for evaluation (``model.train()`` for training).

    Quantised weights come out as the numbers that they stand for, and nothing marks the model as quantised.

    Args:
        path: a file of the architecture ``llama``.
        dtype: what the weights are kept in; float32 holds every stored number exactly.

    Raises:
        InvalidRequest: the file is damaged, or holds something that this architecture of ``transformers`` does not.
    """
    file = GgufFile(path)
    config = _config(file)
    wanted = names(config.num_hidden_layers, tied=config.tie_word_embeddings)
    if file.tensor_names != wanted.keys():
        differing = sorted(file.tensor_names ^ wanted.keys())
        raise InvalidRequest(
            f"{path} is not a plain Llama: it has or lacks {', '.join(differing[:5])}"
            f"{f' and {len(differing) - 5} more' if len(differing) > 5 else ''}. "
            "Models with biases, experts or stretched rotary embeddings are not read here.",
            param="model",
        )
    weights: dict[str, torch.Tensor] = {}
    for name, torch_name in wanted.items():
        rows = file.tensor(name)
        heads = rotated_heads(
            name, heads=config.num_attention_heads, key_heads=config.num_key_value_heads or 0
        )
        weights[torch_name] = torch.from_numpy(rows if heads is None else halved(rows, heads)).to(dtype)
    return _assembled(config, weights, path, dtype)


def _assembled(
    config: LlamaConfig, weights: dict[str, torch.Tensor], path: Path, dtype: torch.dtype
) -> LlamaForCausalLM:
    with torch.device("meta"):
        shapes = {name: tensor.shape for name, tensor in LlamaForCausalLM(config).state_dict().items()}
    for name, tensor in weights.items():
        if tensor.shape != shapes[name]:
            raise InvalidRequest(
                f"{path}: {name} has the shape {tuple(tensor.shape)}, and its metadata say "
                f"{tuple(shapes[name])}.",
                param="model",
            )
    return LlamaForCausalLM.from_pretrained(None, config=config, state_dict=weights, dtype=dtype)


def _config(file: GgufFile) -> LlamaConfig:
    if (architecture := file.required("general.architecture", str)) != "llama":
        raise InvalidRequest(
            f"{file.path} is of the architecture {architecture}; only llama is read here.", param="model"
        )
    if (scaling := file.optional("llama.rope.scaling.type", str)) not in {None, "none"}:
        raise InvalidRequest(
            f"{file.path} stretches its rotary embedding ({scaling}), which is not read here.", param="model"
        )
    hidden = file.required("llama.embedding_length", int)
    heads = file.required("llama.attention.head_count", int)
    key_heads = file.optional("llama.attention.head_count_kv", int) or heads
    if min(hidden, heads, key_heads) < 1 or hidden % heads or heads % key_heads:
        raise InvalidRequest(
            f"{file.path} shares {hidden} numbers among {heads} heads of queries and {key_heads} of keys, which does "
            "not come out even: it is damaged.",
            param="model",
        )
    head_size = file.optional("llama.attention.key_length", int) or hidden // heads
    if (turned := file.optional("llama.rope.dimension_count", int) or head_size) != head_size:
        raise InvalidRequest(
            f"{file.path} turns {turned} of the {head_size} numbers of a head, which is not read here.",
            param="model",
        )
    return LlamaConfig(
        vocab_size=len(cast("list[str]", file.required("tokenizer.ggml.tokens", list))),
        hidden_size=hidden,
        intermediate_size=file.required("llama.feed_forward_length", int),
        num_hidden_layers=file.required("llama.block_count", int),
        num_attention_heads=heads,
        num_key_value_heads=key_heads,
        head_dim=head_size,
        max_position_embeddings=file.required("llama.context_length", int),
        rms_norm_eps=_as_written(file.required("llama.attention.layer_norm_rms_epsilon", float)),
        rope_parameters={
            "rope_type": "default",
            "rope_theta": file.optional("llama.rope.freq_base", float) or _THETA,
        },
        tie_word_embeddings="output.weight" not in file.tensor_names,
        bos_token_id=file.optional("tokenizer.ggml.bos_token_id", int),
        eos_token_id=file.optional("tokenizer.ggml.eos_token_id", int),
        pad_token_id=file.optional("tokenizer.ggml.padding_token_id", int),
    )


def _as_written(single: float) -> float:
    """The decimal that somebody wrote, of a float32 that it was rounded to: 1e-05 of 9.999999747378752e-06."""
    return float(f"{single:.7g}")
