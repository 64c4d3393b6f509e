"""How well a model expects texts that it has not read: bits per byte, and perplexity per token.

Bits per byte is what models with different tokenizers are compared by. Each document begins after an end-of-text
token, as in pretraining, and its end is not counted, which has no bytes.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from math import exp, log
from time import perf_counter
from typing import Final

import numpy as np
import torch
from transformers import PreTrainedModel

from causette.errors import InvalidRequest
from causette.lab.batches import rows_of
from causette.lab.chat import ChatTokenizer
from causette.lab.losses import token_log_probabilities
from causette.lab.statistics import Estimate, estimate_ratio
from causette.lab.types import Encoded, Events

# Batches whose windows are sorted by length together, so that little is padding.
_SORTED: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A document that was read: minus its log-probability, in nats, and what that is divided by."""

    nats: float
    tokens: int
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """How well some texts were expected; intervals are a bootstrap's over documents."""

    texts: str
    bits_per_byte: Estimate
    #: A token's.
    perplexity: Estimate
    tokens: int
    bytes: int
    #: Tokens of a window, before which nothing was seen.
    length: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """A model that reads, ``batch`` windows of up to ``length`` tokens at once."""

    model: PreTrainedModel
    tokenizer: ChatTokenizer
    length: int
    batch: int = 16

    def fit(
        self, name: str, texts: Iterable[str], events: Events, *, seed: int = 0
    ) -> tuple[Fit, list[Document]]:
        """How well the texts called ``name`` are expected, and each of them.

        Raises:
            InvalidRequest: there is nothing in them.
        """
        began = perf_counter()
        found: list[Document] = []
        for document in self.read(texts):
            found.append(document)
            events.progress(len(found), None, f"documents of {name}")
        if not found:
            raise InvalidRequest(f"The texts {name} are empty: there is nothing to measure.", param="texts")
        nats = [each.nats for each in found]
        tokens, size = [each.tokens for each in found], [each.bytes for each in found]
        bits = estimate_ratio([each / log(2) for each in nats], size, seed=seed)
        a_token = estimate_ratio(nats, tokens, seed=seed)
        fit = Fit(
            texts=name,
            bits_per_byte=bits,
            perplexity=Estimate(exp(a_token.value), exp(a_token.low), exp(a_token.high), a_token.count),
            tokens=sum(tokens),
            bytes=sum(size),
            length=self.length,
            seconds=perf_counter() - began,
        )
        return fit, found

    def read(self, texts: Iterable[str]) -> Iterator[Document]:
        """Each text that is not empty, in order. What is longer than a window is cut into several."""
        some = iter(text for text in texts if text)
        while documents := list(islice(some, self.batch * _SORTED)):
            ids = [self._ids(text) for text in documents]
            nats = self._nats(ids)
            for text, of_text, each in zip(documents, ids, nats.tolist(), strict=True):
                yield Document(nats=each, tokens=len(of_text) - 1, bytes=len(text.encode()))

    def _ids(self, text: str) -> list[int]:
        ids = self.tokenizer.encode_text(text).ids
        return [ids[-1], *ids[:-1]]

    def _nats(self, documents: list[list[int]]) -> np.ndarray:
        """Minus the log-probability of each document's tokens but the first."""
        windows = [
            (number, ids[start : start + self.length + 1])
            for number, ids in enumerate(documents)
            for start in range(0, len(ids) - 1, self.length)
        ]
        windows.sort(key=lambda window: len(window[1]))
        nats = np.zeros(len(documents))
        was_training = self.model.training
        self.model.eval()
        for at in range(0, len(windows), self.batch):
            numbers, ids = zip(*windows[at : at + self.batch], strict=True)
            encoded = [Encoded(each, [True] * len(each)) for each in ids]
            rows = rows_of(encoded, pad=self.tokenizer.end_of_text_id).to(self.model.device)
            with torch.no_grad():
                found_BT = token_log_probabilities(self.model, rows.ids_BT, rows.targets_BT)
            np.subtract.at(nats, list(numbers), found_BT.double().sum(dim=1).cpu().numpy())
        self.model.train(was_training)
        return nats
