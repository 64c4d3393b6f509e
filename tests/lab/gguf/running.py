"""Runs a GGUF file in the engine's runtime, and a model in PyTorch, on the same prompts."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import openvino as ov
import openvino_genai as genai
import torch
from transformers import LlamaConfig, LlamaForCausalLM

#: The runtime's own choices round activations to eight bits and sums to sixteen.
EXACT = {
    "INFERENCE_PRECISION_HINT": "f32",
    "KV_CACHE_PRECISION": "f32",
    "DYNAMIC_QUANTIZATION_GROUP_SIZE": 0,
}


def small_llama(vocabulary: int, **changes: object) -> LlamaForCausalLM:
    """A Llama of one layer."""
    shape = {"hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    return LlamaForCausalLM(LlamaConfig(vocab_size=vocabulary, **(shape | changes)))


class Reply(NamedTuple):
    ids: list[int]
    logprobs: list[float]


def greedy(path: Path, prompts: Sequence[Sequence[int]], tokens: int) -> list[Reply]:
    """The likeliest tokens after each prompt, as the runtime computes them in float32."""
    scheduler = genai.SchedulerConfig()
    scheduler.cache_size = 1
    pipeline = genai.ContinuousBatchingPipeline(str(path), scheduler, "CPU", EXACT)
    config = genai.GenerationConfig(
        max_new_tokens=tokens, apply_chat_template=False, logprobs=1, ignore_eos=True
    )
    handles = [
        pipeline.add_request(number, ov.Tensor(np.array([prompt], np.int64)), config)
        for number, prompt in enumerate(prompts)
    ]
    while pipeline.has_non_finished_requests():
        pipeline.step()
    outputs = [handle.read_all()[0] for handle in handles]
    return [Reply(list(output.generated_ids), list(output.generated_log_probs)) for output in outputs]


def logits(model: LlamaForCausalLM, ids: Sequence[int]) -> torch.Tensor:
    """Shape (tokens, vocabulary)."""
    with torch.no_grad():
        return model(torch.tensor([list(ids)])).logits[0]


def judged(model: LlamaForCausalLM, prompt: Sequence[int], reply: Reply) -> tuple[float, list[int]]:
    """How far a reply's log-probabilities are from the model's, and what the model itself would have said."""
    scores = logits(model, [*prompt, *reply.ids])[len(prompt) - 1 : -1].log_softmax(-1)
    own = scores.gather(1, torch.tensor(reply.ids)[:, None])[:, 0]
    return (own - torch.tensor(reply.logprobs)).abs().max().item(), scores.argmax(1).tolist()
