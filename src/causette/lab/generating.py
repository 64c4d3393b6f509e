"""The replies of a model in memory."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor
from transformers import GenerationConfig, PreTrainedModel

from causette.lab.chat import ChatTokenizer
from causette.lab.replies import Prompt, Sampling, Taken, Written


def generate(
    model: PreTrainedModel,
    prompts: Sequence[Sequence[int]],
    *,
    tokens: int,
    temperature: float,
    end: int,
) -> list[list[int]]:
    """The ids that ``model`` writes after each prompt, up to and with ``end``, at most ``tokens`` of them.

    What is sampled depends on PyTorch's random numbers. All prompts are one batch, padded at the left.
    """
    width = max(map(len, prompts))
    ids_BT = torch.full((len(prompts), width), end)
    mask_BT = torch.zeros((len(prompts), width), dtype=torch.long)
    for row, prompt in enumerate(prompts):
        ids_BT[row, width - len(prompt) :] = torch.as_tensor(prompt)
        mask_BT[row, width - len(prompt) :] = 1
    config = GenerationConfig(
        max_new_tokens=tokens,
        do_sample=temperature > 0,
        temperature=temperature or None,
        # All of the distribution: what is learned from must be what was sampled from.
        top_k=0 if temperature else None,
        top_p=1.0 if temperature else None,
        eos_token_id=end,
        pad_token_id=end,
        # Of a length that the model has not learned it is its caller's business to think.
        max_length=None,
    )
    was_training, its_own = model.training, model.generation_config
    model.eval()
    # A model may come with penalties and cuts of its own, which would fill in what is not said here.
    model.generation_config = config
    try:
        with torch.inference_mode():
            written_BT = cast("Callable[..., Tensor]", model.generate)(
                ids_BT.to(model.device), attention_mask=mask_BT.to(model.device), generation_config=config
            )
    finally:
        model.train(was_training)
        model.generation_config = its_own
    rows = cast("list[list[int]]", written_BT[:, width:].tolist())
    return [_until(end, row) for row in rows]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelReplies:
    """The replies of a model in memory, ``batch`` prompts at once."""

    model: PreTrainedModel
    tokenizer: ChatTokenizer
    batch: int = 16

    def __call__(self, prompts: Sequence[Prompt], sampling: Sampling) -> Iterator[str]:
        """Replies, by the model's own chat template."""
        for start in range(0, len(prompts), self.batch):
            some = [self.tokenizer.encode_prompt(prompt) for prompt in prompts[start : start + self.batch]]
            yield from (self.tokenizer.decode(ids) for ids in self._batch(some, sampling, start))

    def write(self, prompts: Sequence[Prompt], sampling: Sampling, taken: Taken) -> None:
        """See `causette.lab.replies.Writer`. A prompt that leaves no room for a reply is not asked."""
        most = getattr(self.model.config, "max_position_embeddings", None)
        for start in range(0, len(prompts), self.batch):
            numbered: list[tuple[int, list[int]]] = []
            for number, prompt in enumerate(prompts[start : start + self.batch], start):
                ids = self.tokenizer.encode_prompt(prompt)
                if most is not None and len(ids) + sampling.tokens > most:
                    taken(number, Written("", "no_room"))
                else:
                    numbered.append((number, ids))
            if not numbered:
                continue
            written = self._batch([ids for _, ids in numbered], sampling, start)
            for (number, _), ids in zip(numbered, written, strict=True):
                ended = "stop" if ids[-1:] == [self.tokenizer.end_id] else "length"
                taken(number, Written(self.tokenizer.decode(ids), ended))

    def _batch(self, prompts: Sequence[list[int]], sampling: Sampling, start: int) -> list[list[int]]:
        # Whoever trains has random numbers of their own.
        with torch.random.fork_rng():
            torch.manual_seed((sampling.seed << 32) + start)
            return generate(
                self.model,
                prompts,
                tokens=sampling.tokens,
                temperature=sampling.temperature,
                end=self.tokenizer.end_id,
            )


def _until(end: int, ids: list[int]) -> list[int]:
    return ids[: ids.index(end) + 1] if end in ids else ids
