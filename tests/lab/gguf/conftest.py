"""The default model in PyTorch, and a tiny one that knows nothing."""

from pathlib import Path

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
from transformers.utils import logging

from causette.lab.gguf import load_model, load_tokenizer
from causette.lab.tokenizer import TokenizerConfig
from causette.lab.tokenizer import run as train_tokenizer
from tests.lab.listening import Listener

torch.set_num_threads(1)
logging.disable_progress_bar()


@pytest.fixture(scope="session")
def smollm(text_model_path: Path) -> LlamaForCausalLM:
    """The default model. No test changes it."""
    return load_model(text_model_path)


@pytest.fixture(scope="session")
def smollm_tokenizer(text_model_path: Path) -> PreTrainedTokenizerFast:
    return load_tokenizer(text_model_path)


@pytest.fixture(scope="session")
def tiny_tokenizer(tmp_path_factory: pytest.TempPathFactory) -> PreTrainedTokenizerFast:
    """One of fewer than 300 tokens that the lab trained."""
    folder = tmp_path_factory.mktemp("tokenizers") / "tiny"
    text = "the cat sat on the mat, the dog sat on the cat " * 20
    train_tokenizer(TokenizerConfig(output=folder, vocabulary_size=300, texts=[text]), Listener())
    return PreTrainedTokenizerFast.from_pretrained(folder)


@pytest.fixture
def tiny(tiny_tokenizer: PreTrainedTokenizerFast) -> LlamaForCausalLM:
    """A Llama of two layers and random weights, sure enough of itself that rounding does not change its mind."""
    torch.manual_seed(4)
    config = LlamaConfig(
        vocab_size=len(tiny_tokenizer),
        hidden_size=64,
        intermediate_size=96,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=256,
        initializer_range=0.3,
        tie_word_embeddings=False,
        bos_token_id=tiny_tokenizer.bos_token_id,
        eos_token_id=tiny_tokenizer.eos_token_id,
        pad_token_id=tiny_tokenizer.pad_token_id,
    )
    return LlamaForCausalLM(config).eval()
