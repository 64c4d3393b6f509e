"""From GGUF to PyTorch and back: Llamas and their tokenizers."""

from causette.lab.gguf.model import load_model
from causette.lab.gguf.vocabulary import PRE_TOKENIZERS, load_tokenizer
from causette.lab.gguf.writer import Quantisation, write_gguf

__all__ = ["PRE_TOKENIZERS", "Quantisation", "load_model", "load_tokenizer", "write_gguf"]
