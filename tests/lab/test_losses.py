"""Losses are TRL's on the same batch, and what the papers say in the cases that can be worked out by hand."""

from math import log
from pathlib import Path
from typing import Any

import pytest
import torch
from datasets import Dataset
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import WhitespaceSplit
from torch import Tensor
from transformers import GPT2Config, GPT2LMHeadModel, LlamaForCausalLM, PreTrainedTokenizerFast
from trl import DPOConfig, DPOTrainer, GRPOConfig, GRPOTrainer, KTOConfig, KTOTrainer

from causette.lab import losses
from causette.lab.losses import IGNORED, advantages, dpo, grpo, kto, token_log_probabilities
from tests.lab.toys import VOCABULARY, tiny_model

pytestmark = pytest.mark.filterwarnings("default")
BETA = 0.3


@pytest.fixture
def words() -> PreTrainedTokenizerFast:
    known = {f"w{number}": number for number in range(VOCABULARY - 2)} | {"<pad>": 95, "<eos>": 96}
    tokenizer = Tokenizer(WordLevel(known, unk_token="w0"))
    tokenizer.pre_tokenizer = WhitespaceSplit()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", eos_token="<eos>", unk_token="w0"
    )


def some_words(seed: int, count: int) -> str:
    chance = torch.Generator().manual_seed(seed)
    return " ".join(f"w{int(number)}" for number in torch.randint(90, (count,), generator=chance))


def of_rows(model: LlamaForCausalLM, ids: Tensor, completion: Tensor) -> Tensor:
    """The log-probability of each row's completion."""
    targets = torch.where(completion[:, 1:].bool(), ids[:, 1:], IGNORED)
    return token_log_probabilities(model, ids[:, :-1], targets).sum(1)


def arguments(kind: Any, folder: Path, **more: Any) -> Any:
    return kind(
        output_dir=str(folder),
        use_cpu=True,
        bf16=False,
        report_to=[],
        gradient_checkpointing=False,
        per_device_train_batch_size=4,
        disable_tqdm=True,
        **more,
    )


def test_dpo_is_trls(words: PreTrainedTokenizerFast, tmp_path: Path) -> None:
    pairs = [
        {
            "prompt": some_words(seed, 3 + seed),
            "chosen": " " + some_words(10 + seed, 2 + seed),
            "rejected": " " + some_words(20 + seed, 6 - seed),
        }
        for seed in range(4)
    ]
    policy, reference = tiny_model(1), tiny_model(2)
    trainer = DPOTrainer(
        policy,
        reference,
        args=arguments(DPOConfig, tmp_path, beta=BETA),
        train_dataset=Dataset.from_list(pairs),
        processing_class=words,
    )
    batch = next(iter(trainer.get_train_dataloader()))
    theirs = trainer._compute_loss(policy, dict(batch), False)
    rows = batch["input_ids"], batch["completion_mask"]
    ours, margins = dpo(
        *of_rows(policy, *rows).chunk(2), *of_rows(reference, *rows).detach().chunk(2), beta=BETA
    )
    assert ours.mean().item() == pytest.approx(theirs.item(), rel=1e-5)
    assert margins.shape == (4,)
    # And so are the gradients.
    (their,) = torch.autograd.grad(theirs, policy.model.layers[0].mlp.up_proj.weight)
    (our,) = torch.autograd.grad(ours.mean(), policy.model.layers[0].mlp.up_proj.weight)
    assert torch.allclose(our, their, rtol=1e-3, atol=1e-7)


def test_kto_is_trls(words: PreTrainedTokenizerFast, tmp_path: Path) -> None:
    answers = [
        {
            "prompt": some_words(seed, 3 + seed),
            "completion": " " + some_words(10 + seed, 2 + seed),
            "label": seed != 2,
        }
        for seed in range(4)
    ]
    policy, reference = tiny_model(1), tiny_model(2)
    trainer = KTOTrainer(
        policy,
        reference,
        args=arguments(KTOConfig, tmp_path, beta=BETA, desirable_weight=1.5),
        train_dataset=Dataset.from_list(answers),
        processing_class=words,
    )
    batch = next(iter(trainer.get_train_dataloader()))
    theirs = trainer._compute_loss(policy, dict(batch), False)
    rows = batch["input_ids"], batch["completion_mask"]
    others = batch["KL_input_ids"], batch["KL_completion_mask"]
    ours = kto(
        of_rows(policy, *rows),
        of_rows(reference, *rows).detach(),
        torch.as_tensor(batch["label"], dtype=torch.bool),
        (of_rows(policy, *others) - of_rows(reference, *others)).mean(),
        beta=BETA,
        desirable=1.5,
    )
    assert ours.mean().item() == pytest.approx(theirs.item(), rel=1e-5)


@pytest.mark.parametrize("beta", [0.0, 0.1])
def test_grpo_is_trls(words: PreTrainedTokenizerFast, tmp_path: Path, beta: float) -> None:
    policy, old, reference = tiny_model(1), tiny_model(2), tiny_model(3)
    # From where TRL loads its reference.
    reference.save_pretrained(tmp_path / "reference")
    policy.config._name_or_path = str(tmp_path / "reference")
    trainer = GRPOTrainer(
        policy,
        reward_funcs=lambda completions, **_: [0.0] * len(completions),
        args=arguments(
            GRPOConfig,
            tmp_path,
            beta=beta,
            epsilon=0.2,
            epsilon_high=0.28,
            num_generations=4,
            loss_type="dapo",
        ),
        train_dataset=Dataset.from_list([{"prompt": "w1 w2"}] * 4),
        processing_class=words,
    )
    chance = torch.Generator().manual_seed(5)
    prompts = torch.randint(90, (4, 5), generator=chance)
    answers = torch.randint(90, (4, 7), generator=chance)
    mask = (torch.arange(7) < torch.tensor([[7], [3], [5], [1]])).long()
    ids = torch.cat([prompts, answers], 1)
    targets = torch.where(torch.cat([torch.zeros(4, 4), mask], 1).bool(), ids[:, 1:], IGNORED)
    gains = advantages(torch.tensor([[1.0, 0.0, 0.5, 0.0]]), scaled=True).flatten()
    now, before, base = (
        token_log_probabilities(model, ids[:, :-1], targets) for model in (policy, old, reference)
    )
    # What its trainer sets when it begins to train.
    trainer.current_gradient_accumulation_steps = 1
    theirs = trainer._compute_loss(
        policy.train(),
        {
            "prompt_ids": prompts,
            "prompt_mask": torch.ones_like(prompts),
            "completion_ids": answers,
            "completion_mask": mask,
            "advantages": gains,
            "old_per_token_logps": before[:, 4:].detach(),
            "ref_per_token_logps": base[:, 4:].detach(),
            "num_items_in_batch": mask.sum(),
        },
    )
    learned = targets != IGNORED
    ours, held = grpo(
        now, before.detach(), gains, learned, low=0.2, high=0.28, reference_BT=base.detach(), beta=beta
    )
    assert (ours.sum() / learned.sum()).item() == pytest.approx(theirs.item(), rel=1e-5)
    assert 0 < held.sum() < learned.sum()


def test_dpo_of_a_policy_that_has_not_moved_is_the_logarithm_of_two() -> None:
    some = torch.randn(5)
    found, margins = dpo(some, some - 1, some, some - 1, beta=BETA)
    assert found.tolist() == pytest.approx([log(2)] * 5)
    assert margins.tolist() == pytest.approx([0] * 5)


def test_pairs_that_may_be_the_wrong_way_round_are_learned_less_from() -> None:
    ahead = torch.tensor([4.0])
    none = torch.zeros(1)
    sure, _ = dpo(ahead, none, none, none, beta=1.0)
    unsure, _ = dpo(ahead, none, none, none, beta=1.0, smoothing=0.1)
    back, _ = dpo(none, ahead, none, none, beta=1.0)
    assert unsure.item() == pytest.approx(0.9 * sure.item() + 0.1 * back.item())


def test_a_group_that_agrees_teaches_nothing() -> None:
    assert advantages(torch.ones(2, 4), scaled=True).abs().max() == 0
    found = advantages(torch.tensor([[0.0, 1.0], [1.0, 3.0]]), scaled=False)
    assert found.tolist() == [[-0.5, 0.5], [-1.0, 1.0]]


def test_logits_in_parts_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_model()
    ids = torch.randint(VOCABULARY, (3, 20), generator=torch.Generator().manual_seed(0))
    targets = ids.roll(-1, 1)
    targets[:, ::3] = IGNORED
    weight = model.lm_head.weight

    def found() -> tuple[Tensor, Tensor]:
        summed = token_log_probabilities(model, ids, targets)
        return summed.detach(), torch.autograd.grad(summed.sum(), weight)[0]

    whole, gradient = found()
    logits = torch.log_softmax(model(ids).logits.float(), -1)
    asked = targets != IGNORED
    expected = logits.gather(2, targets.clamp(min=0).unsqueeze(2)).squeeze(2) * asked
    assert torch.allclose(whole, expected, atol=1e-5)
    monkeypatch.setattr(losses, "_MOST_LOGITS", 7 * VOCABULARY)
    parts, in_parts = found()
    assert torch.allclose(whole, parts, atol=1e-6)
    assert torch.allclose(gradient, in_parts, atol=1e-5)


def test_an_architecture_with_a_head_of_its_own_is_asked_for_its_logits() -> None:
    torch.manual_seed(0)
    model = GPT2LMHeadModel(GPT2Config(vocab_size=50, n_embd=16, n_layer=1, n_head=2)).eval()
    ids = torch.randint(50, (2, 9))
    expected = torch.log_softmax(model(ids).logits, -1).gather(2, ids.roll(-1, 1).unsqueeze(2)).squeeze(2)
    assert torch.allclose(token_log_probabilities(model, ids, ids.roll(-1, 1)), expected, atol=1e-5)


def test_documents_in_one_row_do_not_see_each_other() -> None:
    model = tiny_model().eval()
    first, second = (torch.randint(VOCABULARY, (1, size)) for size in (7, 5))
    row = torch.cat([first, second], 1)
    positions = torch.cat([torch.arange(7), torch.arange(5)]).unsqueeze(0)
    packed = token_log_probabilities(model, row, row, positions)
    apart = torch.cat([token_log_probabilities(model, each, each) for each in (first, second)], 1)
    assert torch.allclose(packed, apart, atol=1e-5)
