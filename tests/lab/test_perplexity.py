"""What a model expects of a text is the product of what it expects of each token, however it is cut into batches."""

from collections.abc import Iterator
from math import exp, log
from typing import cast

import pytest
import torch
import torch.nn.functional as F
from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerFast

from causette.errors import InvalidRequest
from causette.lab.chat import ChatTokenizer
from causette.lab.perplexity import Reader
from causette.lab.tokenizer import CHAT_TEMPLATE, train
from tests.lab.listening import Listener
from tests.lab.toys import tiny_model

TEXTS = ["the cat sat on the mat", "", "a", "été, où ? " * 3, "<|im_end|>", "the cat sat " * 12]


@pytest.fixture(scope="module")
def reader() -> Iterator[Reader]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    tokenizer: Tokenizer = train(["the cat sat on the mat, where it was in summer " * 50], 320)
    chat = ChatTokenizer(
        PreTrainedTokenizerFast(
            tokenizer_object=tokenizer,
            eos_token="<|im_end|>",
            pad_token="<|endoftext|>",
            chat_template=CHAT_TEMPLATE,
        )
    )
    model = tiny_model(vocabulary=tokenizer.get_vocab_size())
    yield Reader(model=model, tokenizer=chat, length=10, batch=3)
    torch.set_num_threads(before)


def by_hand(reader: Reader, text: str) -> tuple[float, int]:
    """The nats of a text, and its tokens: one window after the other, with all of the logits."""
    ids = [reader.tokenizer.end_of_text_id, *reader.tokenizer.encode_text(text).ids[:-1]]
    nats = 0.0
    for start in range(0, len(ids) - 1, reader.length):
        window = torch.tensor([ids[start : start + reader.length + 1]])
        with torch.no_grad():
            logits = cast("torch.Tensor", reader.model(window[:, :-1]).logits)
        nats += F.cross_entropy(logits[0], window[0, 1:], reduction="sum").item()
    return nats, len(ids) - 1


def test_each_document_costs_what_its_tokens_do(reader: Reader) -> None:
    read = list(reader.read(TEXTS))
    texts = [text for text in TEXTS if text]
    assert [each.bytes for each in read] == [len(text.encode()) for text in texts]
    for text, each in zip(texts, read, strict=True):
        nats, tokens = by_hand(reader, text)
        assert each.tokens == tokens
        assert each.nats == pytest.approx(nats, rel=1e-5)
    # One of them is of several windows.
    assert max(each.tokens for each in read) > 2 * reader.length


def test_texts_are_weighed_by_their_length(reader: Reader) -> None:
    fit, documents = reader.fit("en", TEXTS, Listener())
    nats = sum(each.nats for each in documents)
    assert fit.bits_per_byte.value == pytest.approx(nats / log(2) / sum(len(text.encode()) for text in TEXTS))
    assert fit.perplexity.value == pytest.approx(exp(nats / fit.tokens))
    assert fit.bits_per_byte.low <= fit.bits_per_byte.value <= fit.bits_per_byte.high
    assert fit.bits_per_byte.count == len(documents) == 5


def test_a_model_that_knows_nothing_is_as_perplexed_as_it_has_tokens(reader: Reader) -> None:
    vocabulary = reader.model.config.vocab_size
    ignorant = tiny_model(vocabulary=vocabulary)
    torch.nn.init.zeros_(ignorant.lm_head.weight)
    blank = Reader(model=ignorant, tokenizer=reader.tokenizer, length=10)
    fit, _ = blank.fit("en", TEXTS, Listener())
    for each in (fit.perplexity.low, fit.perplexity.value, fit.perplexity.high):
        assert each == pytest.approx(vocabulary, rel=1e-4)


def test_reading_leaves_the_model_as_it_was(reader: Reader) -> None:
    reader.model.train()
    list(reader.read(TEXTS))
    assert reader.model.training


def test_nothing_cannot_be_measured(reader: Reader) -> None:
    with pytest.raises(InvalidRequest, match="The texts en are empty"):
        reader.fit("en", ["", ""], Listener())
