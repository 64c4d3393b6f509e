"""The replies of a model in memory."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor
from transformers import GenerationConfig, PreTrainedModel

from causette.lab.chat import ChatTokenizer
from causette.lab.replies import Prompt, Sampling


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
            # Whoever trains has random numbers of their own.
            with torch.random.fork_rng():
                torch.manual_seed((sampling.seed << 32) + start)
                written = generate(
                    self.model,
                    some,
                    tokens=sampling.tokens,
                    temperature=sampling.temperature,
                    end=self.tokenizer.end_id,
                )
            yield from (self.tokenizer.decode(ids) for ids in written)


def _until(end: int, ids: list[int]) -> list[int]:
    return ids[: ids.index(end) + 1] if end in ids else ids
