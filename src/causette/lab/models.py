"""Models that training begins with and ends in.

A model is named as a folder, a GGUF file, a name of the catalogue that is on disk, or a run that has made one. What a
run makes is a folder with ``lab.json`` beside the weights, which says what it began as.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

import msgspec
import torch
from peft import PeftModel
from torch import Tensor
from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict
from transformers import AutoModelForCausalLM, LlamaForCausalLM, PreTrainedModel, PreTrainedTokenizerFast
from transformers.utils import logging as transformers_logging

from causette.errors import ConfigurationError
from causette.lab.chat import ChatTokenizer
from causette.lab.disk import whole_folder
from causette.lab.gguf import load_model, load_tokenizer
from causette.lab.types import Find
from causette.lab.weights import merge_adapter

# Bars are ours to show.
transformers_logging.disable_progress_bar()

_ABOUT: Final = "lab.json"
_ADAPTER: Final = "adapter_config.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """A model in memory, in 32 bits, with its tokenizer."""

    model: PreTrainedModel
    tokenizer: ChatTokenizer
    #: The GGUF file that it began as, if it did.
    gguf: Path | None


def load_base(name: str, find: Find, *, attention: str = "sdpa") -> Base:
    """The model called ``name``, with the adapters that were trained on it added to its weights.

    Raises:
        ConfigurationError: there is no such model, or it is of a kind that is not trained here.
    """
    path = _place(name, find)
    if path.is_file():
        model = load_model(path)
        model.set_attn_implementation(attention)
        return Base(model=model, tokenizer=ChatTokenizer(load_tokenizer(path)), gguf=path)
    about = _about(path)
    if (path / _ADAPTER).is_file():
        base = load_base(_base_of(path), find, attention=attention)
        return Base(
            model=merge_adapter(cast("LlamaForCausalLM", base.model), path),
            tokenizer=base.tokenizer,
            gguf=base.gguf,
        )
    if not (path / "config.json").is_file():
        raise ConfigurationError(f"{path} is not a model: it has no config.json.", param="model")
    model = AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32, attn_implementation=attention)
    gguf = about.get("gguf")
    return Base(
        model=model, tokenizer=load_chat(path), gguf=Path(gguf) if gguf and Path(gguf).is_file() else None
    )


def load_chat(path: Path) -> ChatTokenizer:
    """The tokenizer in a folder, or of a GGUF file.

    Raises:
        ConfigurationError: there is none.
    """
    if path.is_file():
        return ChatTokenizer(load_tokenizer(path))
    if not (path / "tokenizer.json").is_file():
        raise ConfigurationError(f"{path} has no tokenizer.json.", param="tokenizer")
    loaded = PreTrainedTokenizerFast.from_pretrained(path)  # pyright: ignore[reportUnknownVariableType]
    return ChatTokenizer(cast("PreTrainedTokenizerFast", loaded))


def find_chat(name: str, find: Find) -> ChatTokenizer:
    """The tokenizer of the model, or the tokenizer, called ``name``.

    Raises:
        ConfigurationError: there is none.
    """
    path = _place(name, find)
    return find_chat(_base_of(path), find) if (path / _ADAPTER).is_file() else load_chat(path)


def weights_of(model: PreTrainedModel | PeftModel) -> dict[str, Tensor]:
    """The weights of a model that processes share, on the CPU of the first of them; all have to ask.

    Of a model with an adapter they are what was trained.
    """
    adapted = isinstance(model, PeftModel)
    options = StateDictOptions(full_state_dict=True, cpu_offload=True, ignore_frozen_params=adapted)
    return cast("dict[str, Tensor]", get_model_state_dict(model, options=options))


def write_model(
    model: PreTrainedModel,
    tokenizer: ChatTokenizer,
    folder: Path,
    about: Mapping[str, object],
    weights: dict[str, Tensor] | None = None,
) -> None:
    """Write a model with its tokenizer to ``folder``, whole or not at all, and ``about`` as ``lab.json``.

    ``weights`` are its own where it does not have them whole.

    Raises:
        Conflict: the folder is there already.
        DiskFull: there is no room for it; nothing is left of it.
    """
    with whole_folder(folder) as temporary:
        model.save_pretrained(temporary, state_dict=weights)
        tokenizer.tokenizer.save_pretrained(temporary)
        _say(about, temporary)


def write_adapter(
    adapted: PeftModel,
    folder: Path,
    about: Mapping[str, object],
    weights: dict[str, Tensor] | None = None,
) -> None:
    """Write what was trained beside a model to ``folder``; ``about`` says which model that is.

    ``weights`` are its own where it does not have them whole.

    Raises:
        Conflict: the folder is there already.
        DiskFull: there is no room for it; nothing is left of it.
    """
    with whole_folder(folder) as temporary:
        adapted.save_pretrained(str(temporary), state_dict=weights, save_embedding_layers=False)
        _say(about, temporary)


def _place(name: str, find: Find) -> Path:
    path = find(name) or Path(name).expanduser()
    if not path.exists():
        raise ConfigurationError(
            f"There is no model {name!r}: name a folder, a GGUF file, a run or a model of `causette models list` that "
            "is on disk.",
            param="model",
        )
    return path


def _base_of(adapter: Path) -> str:
    if not isinstance(base := _about(adapter).get("base"), str):
        raise ConfigurationError(
            f"{adapter} is an adapter without a {_ABOUT} that says which model it was trained on: write "
            '{"base": "the model\'s name or path"} there.',
            param="model",
        )
    return base


def _say(about: Mapping[str, object], folder: Path) -> None:
    (folder / _ABOUT).write_bytes(msgspec.json.encode(about, enc_hook=str))


def _about(folder: Path) -> dict[str, Any]:
    path = folder / _ABOUT
    return msgspec.json.decode(path.read_bytes()) if path.is_file() else {}
