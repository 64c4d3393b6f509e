"""Models and adapters as folders: loaded again they are the same, and nothing half-written is found."""

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

from causette.errors import Conflict, InvalidRequest
from causette.lab.gguf import load_model, write_gguf
from causette.lab.models import write_adapter
from causette.lab.weights import merge_adapter, write_safetensors
from causette.models.types import DiskFull
from tests.lab.gguf.limits import files_of_at_most
from tests.lab.gguf.running import greedy, judged, logits, small_llama

# peft 0.21 asks transformers 5.24 by a name that is going away.
pytestmark = pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing:FutureWarning")

IDS = [5, 40, 70, 100, 8]
MATRICES = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


def adapted(model: LlamaForCausalLM, matrices: Sequence[str] = MATRICES) -> PeftModel:
    """The model beside which something was learned."""
    config = LoraConfig(r=4, lora_alpha=8, target_modules=list(matrices), task_type="CAUSAL_LM")
    learned = get_peft_model(model, config)
    for name, parameter in learned.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.3)
    return learned.eval()


def test_a_folder_is_loaded_by_transformers_as_it_was(
    tiny: LlamaForCausalLM, tiny_tokenizer: PreTrainedTokenizerFast, tmp_path: Path
):
    write_safetensors(tiny, tiny_tokenizer, tmp_path / "model")
    model = LlamaForCausalLM.from_pretrained(tmp_path / "model", dtype=torch.float32)
    tokenizer = PreTrainedTokenizerFast.from_pretrained(tmp_path / "model")
    assert torch.equal(logits(model, IDS), logits(tiny, IDS))
    assert tokenizer.get_vocab() == tiny_tokenizer.get_vocab()
    assert tokenizer.chat_template == tiny_tokenizer.chat_template
    assert model.generation_config.eos_token_id == tiny_tokenizer.eos_token_id


def test_a_folder_that_is_there_is_left_alone(
    tiny: LlamaForCausalLM, tiny_tokenizer: PreTrainedTokenizerFast, tmp_path: Path
):
    (tmp_path / "model").mkdir()
    with pytest.raises(Conflict, match="is there already"):
        write_safetensors(tiny, tiny_tokenizer, tmp_path / "model")
    assert list((tmp_path / "model").iterdir()) == []


def test_a_full_disk_leaves_nothing_of_a_folder(
    tiny: LlamaForCausalLM, tiny_tokenizer: PreTrainedTokenizerFast, tmp_path: Path
):
    with files_of_at_most(20_000), pytest.raises(DiskFull, match="no room"):
        write_safetensors(tiny, tiny_tokenizer, tmp_path / "models" / "model")
    assert list((tmp_path / "models").iterdir()) == []


def test_an_adapter_merged_from_its_folder_is_the_adapted_model(tiny: LlamaForCausalLM, tmp_path: Path):
    before = logits(tiny, IDS)
    learned = adapted(tiny)
    wanted = logits(learned, IDS)
    assert (wanted - before).abs().max() > 1
    write_adapter(learned, tmp_path / "adapter", {})
    assert {"adapter_config.json", "adapter_model.safetensors"} <= {
        file.name for file in (tmp_path / "adapter").iterdir()
    }
    merged = merge_adapter(learned.unload(), tmp_path / "adapter")
    assert isinstance(merged, LlamaForCausalLM)
    assert torch.allclose(logits(merged, IDS), wanted, atol=1e-3)


def test_a_merged_adapter_is_written_and_run_by_the_engine(
    tiny: LlamaForCausalLM, tiny_tokenizer: PreTrainedTokenizerFast, tmp_path: Path
):
    learned = adapted(tiny)
    write_adapter(learned, tmp_path / "adapter", {})
    merged = merge_adapter(learned.unload(), tmp_path / "adapter")
    write_gguf(merged, tiny_tokenizer, tmp_path / "merged.gguf", quantisation="F16")
    (reply,) = greedy(tmp_path / "merged.gguf", [IDS], 12)
    off, said = judged(load_model(tmp_path / "merged.gguf"), IDS, reply)
    assert off < 1e-4
    assert said == reply.ids


def test_an_adapted_model_is_not_written_before_it_is_merged(
    tiny: LlamaForCausalLM, tiny_tokenizer: PreTrainedTokenizerFast, tmp_path: Path
):
    learned = adapted(tiny)
    with pytest.raises(InvalidRequest, match="Merge an adapter"):
        write_gguf(learned.get_base_model(), tiny_tokenizer, tmp_path / "tiny.gguf")


def test_what_is_no_adapter_or_another_models_is_refused(
    tiny: LlamaForCausalLM, tiny_tokenizer: PreTrainedTokenizerFast, tmp_path: Path
):
    with pytest.raises(InvalidRequest, match="no adapter"):
        merge_adapter(tiny, tmp_path)
    write_adapter(adapted(small_llama(len(tiny_tokenizer))), tmp_path / "small", {})
    with pytest.raises(InvalidRequest, match="no adapter that fits"):
        merge_adapter(tiny, tmp_path / "small")
