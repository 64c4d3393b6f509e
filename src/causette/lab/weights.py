"""Models and adapters as folders, the way that ``transformers``, ``peft`` and most engines load them."""

from pathlib import Path
from typing import cast

from peft import PeftModel
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

from causette.errors import InvalidRequest
from causette.lab.disk import whole_folder


def write_safetensors(model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, folder: Path) -> None:
    """Write a model with its tokenizer and chat template to ``folder``, whole or not at all.

    The embedded engine reads GGUF and not this; vLLM, SGLang and ``transformers`` read this.

    Raises:
        Conflict: the folder is there already.
        DiskFull: there is no room for it; nothing is left of it.
    """
    with whole_folder(folder) as temporary:
        model.save_pretrained(temporary)
        tokenizer.save_pretrained(temporary)


def merge_adapter(model: LlamaForCausalLM, folder: Path) -> LlamaForCausalLM:
    """The model with the adapter in ``folder`` added to its weights, which are changed in place.

    For the embedded engine this is the only way: given a GGUF file and an adapter, OpenVINO GenAI 2026.4 finds none of
    the adapter's matrices in its graph, says so in a warning, and answers as if there were no adapter.

    Raises:
        InvalidRequest: there is no adapter there, or it is not one for this model.
    """
    try:
        adapted = PeftModel.from_pretrained(model, str(folder))
    except (OSError, ValueError, RuntimeError) as error:
        raise InvalidRequest(
            f"{folder} holds no adapter that fits this model: {error}", param="adapter"
        ) from None
    return cast("LlamaForCausalLM", adapted.merge_and_unload())
