"""What training minimises, as functions of log-probabilities. Sums over a batch: the training loop divides.

Shapes are named by suffix: B sequences, T tokens, N learned tokens, P pairs, D the hidden width.
"""

from typing import Final, cast

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.distributed.fsdp import FSDPModule
from torch.utils.checkpoint import checkpoint  # pyright: ignore[reportUnknownVariableType]
from transformers import PreTrainedModel

from causette.lab.anatomy import decoder_of, head_of

#: The target of a token that nothing is learned from.
IGNORED: Final = -100
# Architectures whose logits are their head's product with the last hidden state, and nothing else.
_PLAIN: Final = frozenset({"llama", "mistral", "qwen2", "qwen3", "smollm3", "olmo2"})
# Logits that are held at once, in numbers: a gibibyte of 32 bits each.
_MOST_LOGITS: Final = 1 << 28


def token_log_probabilities(
    model: PreTrainedModel, ids_BT: Tensor, targets_BT: Tensor, positions_BT: Tensor | None = None
) -> Tensor:
    """The log-probability of each target, in 32 bits; 0 where there is none (``IGNORED``).

    ``targets_BT[b, t]`` is what follows ``ids_BT[b, t]``. Where ``positions_BT`` begin anew, so does what is attended
    to. Only the logits that are asked for are computed, and no more of them at once than fit into memory.
    """
    wanted_BT = targets_BT != IGNORED
    targets_N = targets_BT[wanted_BT]
    if isinstance(model, FSDPModule) or model.config.model_type not in _PLAIN:
        logits_BTV = model(input_ids=ids_BT, position_ids=positions_BT, use_cache=False).logits
        found_N = _of_logits(logits_BTV[wanted_BT], targets_N)
    else:
        decoded = decoder_of(model)(input_ids=ids_BT, position_ids=positions_BT, use_cache=False)
        hidden_BTD: Tensor = decoded.last_hidden_state
        found_N = _of_hidden(model, hidden_BTD[wanted_BT], targets_N)
    found_BT = torch.zeros(targets_BT.shape, dtype=torch.float32, device=ids_BT.device)
    return found_BT.masked_scatter(wanted_BT, found_N)


def dpo(
    chosen_P: Tensor,
    rejected_P: Tensor,
    reference_chosen_P: Tensor,
    reference_rejected_P: Tensor,
    *,
    beta: float,
    smoothing: float = 0.0,
) -> tuple[Tensor, Tensor]:
    """Direct preference optimisation (arXiv 2305.18290, eq. 7), of the answers' log-probabilities: losses and margins.

    ``smoothing`` is the share of pairs that are taken to be the wrong way round (cDPO).
    """
    margins_P = beta * ((chosen_P - reference_chosen_P) - (rejected_P - reference_rejected_P))
    losses_P = -(1 - smoothing) * F.logsigmoid(margins_P) - smoothing * F.logsigmoid(-margins_P)
    return losses_P, margins_P


def kto(
    answers_B: Tensor,
    reference_B: Tensor,
    good_B: Tensor,
    divergence: Tensor,
    *,
    beta: float,
    desirable: float = 1.0,
    undesirable: float = 1.0,
) -> Tensor:
    """Kahneman-Tversky optimisation (arXiv 2402.01306, eq. 7): losses of answers that are good, or bad.

    ``divergence`` is the batch's estimate of the KL divergence from the reference: the mean log-ratio of answers to
    other prompts; below zero it counts as none.
    """
    ratios_B = answers_B - reference_B
    base = divergence.detach().clamp(min=0)
    gains_B = torch.where(good_B, ratios_B - base, base - ratios_B)
    weights_B = torch.where(good_B, desirable, undesirable)
    return weights_B * (1 - torch.sigmoid(beta * gains_B))


def grpo(
    tokens_BT: Tensor,
    old_BT: Tensor,
    advantages_B: Tensor,
    learned_BT: Tensor,
    *,
    low: float,
    high: float,
    reference_BT: Tensor | None = None,
    beta: float = 0.0,
) -> tuple[Tensor, Tensor]:
    """Group-relative policy optimisation (arXiv 2402.03300): each token's clipped objective, and where it is clipped.

    ``old_BT`` are the log-probabilities when the answers were written. Summed over tokens and divided by their number
    it is DAPO's token-level loss (arXiv 2503.14476), whose wider upper bound is ``high``. With ``beta`` the k3
    estimate of the KL divergence from the reference is added, times the ratio, without which its gradient is biased
    (arXiv 2512.02556, section 3.1).
    """
    ratios_BT = torch.exp(tokens_BT - old_BT)
    advantages_B1 = advantages_B.unsqueeze(1)
    clipped_BT = ratios_BT.clamp(1 - low, 1 + high)
    losses_BT = -torch.min(ratios_BT * advantages_B1, clipped_BT * advantages_B1)
    if beta and reference_BT is not None:
        apart_BT = reference_BT - tokens_BT
        losses_BT = losses_BT + beta * ratios_BT * (torch.exp(apart_BT) - apart_BT - 1)
    held_BT = (clipped_BT * advantages_B1 < ratios_BT * advantages_B1) & learned_BT
    return losses_BT * learned_BT, held_BT


def advantages(rewards_GS: Tensor, *, scaled: bool) -> Tensor:
    """How much better each of S answers is than the mean of its group; in standard deviations if ``scaled``."""
    above_GS = rewards_GS - rewards_GS.mean(dim=1, keepdim=True)
    return above_GS / (rewards_GS.std(dim=1, keepdim=True) + 1e-4) if scaled else above_GS


def _of_hidden(model: PreTrainedModel, hidden_ND: Tensor, targets_N: Tensor) -> Tensor:
    head = head_of(model)

    def found(hidden_ND: Tensor, targets_N: Tensor) -> Tensor:
        return _of_logits(head(hidden_ND), targets_N)

    rows = max(1, _MOST_LOGITS // model.config.vocab_size)
    if len(targets_N) <= rows:
        return found(hidden_ND, targets_N)
    parts = zip(torch.split(hidden_ND, rows), torch.split(targets_N, rows), strict=True)
    return torch.cat([cast("Tensor", checkpoint(found, *part, use_reentrant=False)) for part in parts])


def _of_logits(logits_NV: Tensor, targets_N: Tensor) -> Tensor:
    return -F.cross_entropy(logits_NV.float(), targets_N, reduction="none")
