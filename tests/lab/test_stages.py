"""The road of a model through the stages, with a model so small that all of it takes seconds."""

import json
import random
from collections.abc import Iterator, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import PreTrainedModel

from causette.errors import CausetteError, ConfigurationError, Conflict, NotFound
from causette.lab import reinforcing
from causette.lab.carrying_out import begin, carry_out, finder
from causette.lab.comparing import Comparison, compared
from causette.lab.generating import ModelReplies
from causette.lab.gguf import load_model
from causette.lab.lineage import trace
from causette.lab.losses import token_log_probabilities
from causette.lab.models import find_chat, load_base
from causette.lab.recipes import change, read_recipe
from causette.lab.reinforcing import GroupConfig, Rollouts, Writing
from causette.lab.replies import Sampling
from causette.lab.runs import Run, Runs
from causette.lab.tasks import Problem, Split
from causette.lab.training.checkpoints import Checkpoints
from causette.lab.training.config import OptimizerConfig, TrainingConfig
from causette.lab.training.loop import Loss, train
from causette.lab.training.place import Place
from causette.lab.types import Message
from causette.models import Catalogue, Models
from tests.lab.listening import Listener

WORDS = ["tree", "river", "stone", "bird", "cloud", "lamp", "house", "field", "road", "bell"]
TRAINING: dict[str, Any] = {
    "steps": 30,
    "batch": 8,
    "save_every": 10,
    "evaluate_every": 15,
    "optimizer": {"learning_rate": 3e-3},
}
pytestmark = pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing:FutureWarning")
TUNING = TRAINING | {"steps": 90}


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


class Lab:
    """Runs in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.runs = Runs(folder / "runs")
        self.models = Models(folder / "models", Catalogue.load())
        self.heard = Listener()

    def run(self, stage: str, name: str, **recipe: Any) -> Run:
        self.heard = Listener()
        begin(self.runs, {"stage": stage, **recipe}, name=name)
        return carry_out(self.runs, name, self.heard, self.models)

    def write(self, name: str, rows: list[dict[str, Any]]) -> list[dict[str, str]]:
        """A file of records, as a recipe names it."""
        path = self.folder / name
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return [{"path": str(path), "licence": "CC0-1.0"}]


def said(question: str, answer: str) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]}


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    """With a tokenizer ``bpe``, the data ``texts`` and ``echoes``, and the models ``base`` and ``tuned``."""
    lab = Lab(tmp_path_factory.mktemp("lab"))
    chance = random.Random(1)
    texts = [{"text": " ".join(chance.choices(WORDS, k=30))} for _ in range(300)]
    sources = lab.write("texts.jsonl", texts)
    lab.run("tokenizer", "bpe", files=[sources[0]["path"]], vocabulary_size=320)
    prepared = {"tokenizer": "bpe", "near_duplicates": 0, "held_out": 0.1}
    lab.run("data", "texts", sources=sources, **prepared)
    echoes = [said(f"Say {first} {second}", first) for first in WORDS for second in WORDS]
    lab.run("data", "echoes", sources=lab.write("echoes.jsonl", echoes), **prepared)
    lab.run(
        "pretrain",
        "base",
        data="texts",
        tokenizer="bpe",
        length=64,
        architecture={"depth": 1},
        training=TRAINING,
    )
    lab.run("sft", "tuned", model="base", data="echoes", length=64, training=TUNING)
    return lab


def test_a_model_learns_what_the_texts_have(lab: Lab) -> None:
    first, *_, last = [
        event["held_out_loss"] for event in lab.runs.events("base") if "held_out_loss" in event
    ]
    # Ten words, as likely as each other, of some three tokens each.
    assert first > 5
    assert last < 2.5
    run = lab.runs.find("base")
    assert (run.status, run.kind) == ("done", "model")
    assert run.metrics["tokens"] == 30 * 8 * 64
    assert run.versions.keys() >= {"causette", "torch"}


def test_fine_tuning_teaches_what_the_assistant_says(lab: Lab) -> None:
    base = load_base("tuned", finder(lab.runs, lab.models))
    replies = ModelReplies(model=base.model, tokenizer=base.tokenizer)
    asked = [[Message("user", f"Say {word} tree")] for word in WORDS]
    found = list(replies(asked, Sampling(tokens=12)))
    # It has learned to answer with one word, and to stop.
    assert all(reply.strip() in WORDS for reply in found)


def test_what_a_teacher_says_is_learned_and_lineage_tells_it(lab: Lab) -> None:
    """From prompts to replies, to data, to a model: what a run of the distill stage made has a name."""
    prompts = lab.write("prompts.jsonl", [{"prompt": f"Say {word} river"} for word in WORDS])
    asked = lab.run(
        "distill", "asked", model="tuned", sources=prompts, licence="CC-BY-4.0", tokens=12, temperature=0
    )
    assert asked.metrics["conversations"] == len(WORDS)
    prepared = {"tokenizer": "bpe", "near_duplicates": 0, "held_out": 0}
    lab.run("data", "said", sources=[{"run": "asked"}], **prepared)
    training = TRAINING | {"steps": 1, "batch": 2}
    lab.run("sft", "pupil", model="base", data="said", length=64, training=training)
    lab.run("export", "pupil-gguf", model="pupil", quantisation="F16")
    made = trace(lab.runs, "pupil-gguf", known=lambda _: None)
    walked = [recipe["run"] for recipe in made.lineage.recipes]
    assert set(walked) >= {"base", "tuned", "asked", "said", "pupil", "pupil-gguf"}
    assert walked.index("tuned") < walked.index("asked") < walked.index("said") < walked.index("pupil")
    (told,) = (each for each in made.lineage.data if each["data"] == "asked")
    assert (told["part"], told["records"], told["licence"]) == ("replies of tuned", 10, "CC-BY-4.0")
    assert told["sources"][0]["file"] == prompts[0]["path"]
    (source,) = next(each for each in made.lineage.data if each["data"] == "said")["sources"]
    assert source["licence"] == "CC-BY-4.0 AND CC0-1.0"


def test_an_adapter_leaves_the_weights_and_is_used_with_them(lab: Lab) -> None:
    run = lab.run(
        "sft",
        "adapter",
        model="base",
        data="echoes",
        length=64,
        training=TRAINING | {"optimizer": {"learning_rate": 1e-2}},
        adapter={"rank": 4},
    )
    assert run.kind == "adapter" and run.artifact is not None
    names = {path.name for path in Path(run.artifact).iterdir()}
    assert {"adapter_model.safetensors", "lab.json"} <= names
    assert "model.safetensors" not in names
    find = finder(lab.runs, lab.models)
    adapted, base = load_base("adapter", find).model, load_base("base", find).model
    moved = [
        name
        for (name, ours), theirs in zip(adapted.named_parameters(), base.parameters(), strict=True)
        if not torch.equal(ours, theirs)
    ]
    assert moved and all("proj" in name for name in moved)
    losses = list(lab.heard.losses.values())
    assert losses[-1] < 0.75 * losses[0]


def test_an_adapter_begins_as_its_seed_says(lab: Lab) -> None:
    losses: list[dict[int, float]] = []
    for number in range(2):
        torch.manual_seed(number)
        lab.run(
            "sft",
            f"seeded-{number}",
            model="base",
            data="echoes",
            length=64,
            training=TRAINING | {"steps": 3},
            adapter={"rank": 2},
        )
        losses.append(lab.heard.losses)
    assert losses[0] == losses[1]


def test_an_adapter_that_does_not_say_its_model_is_refused(lab: Lab, tmp_path: Path) -> None:
    (tmp_path / "adapter_config.json").write_text("{}")
    for load in (load_base, find_chat):
        with pytest.raises(ConfigurationError, match="is an adapter without a lab"):
            load(str(tmp_path), finder(lab.runs, lab.models))


def test_dpo_learns_which_answer_is_preferred(lab: Lab) -> None:
    pairs = [
        {"prompt": f"Say {first} {second}", "chosen": "bell", "rejected": first}
        for first in WORDS[:-1]
        for second in WORDS
    ]
    sources = lab.write("pairs.jsonl", pairs)
    lab.run("data", "pairs", sources=sources, tokenizer="bpe", near_duplicates=0, held_out=0.2)
    training = TRAINING | {"optimizer": {"learning_rate": 1e-3}}
    lab.run("prefer", "dpo", model="tuned", data="pairs", training=training)
    measured = [values for _, values in lab.heard.measured if "held_out_accuracy" in values]
    # Before it learns, neither answer has become likelier.
    assert measured[0]["held_out_accuracy"] == 0
    assert measured[0]["held_out_loss"] == pytest.approx(0.6931, abs=1e-3)
    assert measured[-1]["held_out_accuracy"] > 0.9
    assert measured[-1]["held_out_preferred"] > measured[0]["held_out_preferred"]


def test_before_it_learns_a_model_is_where_it_was_in_any_precision(lab: Lab) -> None:
    pairs = [{"prompt": f"Say {word}", "chosen": f"{word} bell", "rejected": word} for word in WORDS]
    sources = lab.write("few.jsonl", pairs)
    lab.run("data", "few", sources=sources, tokenizer="bpe", near_duplicates=0, held_out=0.4)
    training = TRAINING | {"steps": 1, "precision": "bfloat16"}
    lab.run("prefer", "dpo-bfloat16", model="base", data="few", training=training)
    _, first = lab.heard.measured[0]
    assert (first["held_out_margin"], first["held_out_accuracy"]) == (0, 0)


def test_kto_learns_from_thumbs(lab: Lab) -> None:
    thumbs = [
        {"prompt": f"Say {first} {second}", "completion": answer, "label": answer == "bell"}
        for first in WORDS[:-1]
        for second in WORDS
        for answer in (first, "bell")
    ]
    sources = lab.write("thumbs.jsonl", thumbs)
    lab.run("data", "thumbs", sources=sources, tokenizer="bpe", near_duplicates=0, held_out=0.2)
    training = TRAINING | {"optimizer": {"learning_rate": 1e-3}}
    lab.run("prefer", "kto", model="tuned", data="thumbs", training=training)
    measured = [values for _, values in lab.heard.measured if "held_out_accuracy" in values]
    assert measured[-1]["held_out_accuracy"] > 0.8
    assert measured[-1]["held_out_loss"] < measured[0]["held_out_loss"]


def test_thumbs_that_are_all_up_are_no_pairs(lab: Lab) -> None:
    thumbs = [{"prompt": f"Say {word}", "completion": word, "label": True} for word in WORDS]
    lab.run(
        "data",
        "ups",
        sources=lab.write("ups.jsonl", thumbs),
        tokenizer="bpe",
        near_duplicates=0,
        held_out=0.4,
    )
    lab.run("prefer", "kto-ups", model="base", data="ups", training=TRAINING | {"steps": 1})
    _, first = lab.heard.measured[0]
    assert first.keys() == {"held_out_loss", "held_out_accuracy", "held_out_divergence"}


class Bells:
    """Rewards whoever says *bell*, whatever was asked."""

    name = "bells"

    def problems(self, split: Split, seed: int) -> Iterator[Problem]:
        chance = random.Random(seed)
        while True:
            asked = f"Say {' '.join(chance.choices(WORDS, k=2))}"
            yield Problem(id=asked, prompt=(Message("user", asked),), solution=None, key=None)

    def score(self, problem: Problem, reply: str) -> float:
        return float(reply.strip() == "bell")


def test_reinforcement_raises_what_is_rewarded(lab: Lab, tmp_path: Path) -> None:
    base = load_base("tuned", finder(lab.runs, lab.models))
    group = GroupConfig(problems=4, replies=8, tokens=8)
    config = TrainingConfig(steps=25, batch=16, seed=1, optimizer=OptimizerConfig(learning_rate=2e-3))
    heard = Listener()
    train(
        base.model,
        reinforcing.objective(group),
        Writing(base.model, base.tokenizer, Bells(), group, batch=config.batch, seed=1),
        config,
        place=Place(device=torch.device("cpu")),
        checkpoints=Checkpoints(tmp_path, keep=1),
        events=heard,
    )
    rewards = [values["reward"] for _, values in heard.measured]
    assert sum(rewards[:5]) / 5 < 0.3
    assert sum(rewards[-5:]) / 5 > 0.5


def test_reinforcement_begins_where_the_model_is_in_any_precision(lab: Lab, tmp_path: Path) -> None:
    base = load_base("base", finder(lab.runs, lab.models))
    group = GroupConfig(problems=2, replies=4, tokens=8, beta=0.1)
    config = TrainingConfig(steps=1, batch=4, precision="bfloat16")
    apart: list[float] = []

    def looks(model: PreTrainedModel, batch: Rollouts) -> Loss:
        assert batch.reference_BT is not None
        found_BT = token_log_probabilities(model, batch.rows.ids_BT, batch.rows.targets_BT)
        apart.append((found_BT - batch.reference_BT).abs().max().item())
        return reinforcing.objective(group)(model, batch)

    train(
        base.model,
        looks,
        Writing(
            base.model, base.tokenizer, Bells(), group, batch=4, seed=1, reference=deepcopy(base.model).eval()
        ),
        config,
        place=Place(device=torch.device("cpu")),
        checkpoints=Checkpoints(tmp_path, keep=1),
        events=Listener(),
    )
    assert apart and max(apart) == 0


@pytest.mark.parametrize("beta", [0.0, 0.05])
def test_a_stage_of_reinforcement_measures_held_out_problems(lab: Lab, beta: float) -> None:
    lab.run(
        "reinforce",
        f"rewarded-{beta}",
        model="tuned",
        task="instructions",
        training=TRAINING | {"steps": 2, "batch": 16},
        group={"problems": 2, "replies": 4, "tokens": 8, "beta": beta},
        held_out=20,
    )
    assert [step for step, values in lab.heard.measured if "held_out_score" in values] == [0, 2]
    assert all("reward" in values for step, values in lab.heard.measured if step)


def test_a_stopped_stage_is_taken_up_and_comes_to_the_same(lab: Lab) -> None:
    recipe = {"stage": "sft", "model": "base", "data": "echoes", "length": 64, "training": TUNING}
    begin(lab.runs, recipe, name="stopped")
    heard = Listener()
    with pytest.raises(CausetteError, match="was stopped after step 12 of 90"):
        carry_out(
            lab.runs,
            "stopped",
            heard,
            lab.models,
            should_stop=lambda: bool(heard.losses) and max(heard.losses) == 12,
        )
    assert lab.runs.find("stopped").status == "interrupted"
    seen: list[Run] = []

    def looks() -> bool:
        seen.append(lab.runs.find("stopped"))
        return False

    done = carry_out(lab.runs, "stopped", heard, lab.models, should_stop=looks)
    assert {(run.status, run.error, run.finished_at) for run in seen} == {("running", None, None)}
    assert done.status == "done"
    find = finder(lab.runs, lab.models)
    ours, theirs = load_base("stopped", find).model, load_base("tuned", find).model
    assert all(torch.equal(*pair) for pair in zip(ours.parameters(), theirs.parameters(), strict=True))
    with pytest.raises(Conflict, match="is done"):
        carry_out(lab.runs, "stopped", heard, lab.models)


def test_activations_that_are_computed_again_change_nothing(lab: Lab) -> None:
    recipe: dict[str, Any] = {"model": "base", "data": "echoes", "length": 64}
    whole, again = Listener(), Listener()
    for name, heard, saving in (("kept", whole, False), ("recomputed", again, True)):
        training = TRAINING | {"steps": 3, "checkpoint_activations": saving}
        begin(lab.runs, {"stage": "sft", **recipe, "training": training}, name=name)
        carry_out(lab.runs, name, heard, lab.models)
    assert whole.losses == again.losses


def test_an_export_is_the_model(lab: Lab) -> None:
    run = lab.run("export", "exported", model="tuned", quantisation="F16")
    assert run.artifact is not None
    tensors = [(done, total) for done, total, what in lab.heard.progressed if what == "tensors"][-2:]
    assert tensors[-1] == (tensors[-2][0] + 1, tensors[-1][0])
    assert (1, 1, "models loaded") in lab.heard.progressed
    exported = load_model(Path(run.artifact) / "model.gguf")
    trained = load_base("tuned", finder(lab.runs, lab.models)).model
    ids = torch.arange(20).unsqueeze(0)
    assert torch.allclose(exported(ids).logits, trained.eval()(ids).logits, atol=2e-2)
    # And a run like any other, which a recipe may name.
    assert load_base("exported", finder(lab.runs, lab.models)).gguf == Path(run.artifact) / "model.gguf"


def test_evaluations_are_compared_problem_by_problem(lab: Lab) -> None:
    asked: dict[str, Any] = {"tasks": ["instructions"], "problems": 40, "tokens": 8}
    before, after = (lab.run("evaluate", f"of-{model}", model=model, **asked) for model in ("base", "tuned"))
    again = lab.run("evaluate", "again", model="base", **asked)
    assert before.metrics["instructions_low"] <= before.metrics["instructions"]
    assert before.metrics == again.metrics
    same = compared(Path(before.artifact or ""), Path(again.artifact or "")).differences["instructions"]
    assert (same.value, same.is_real) == (0, False)
    found = compared(Path(before.artifact or ""), Path(after.artifact or ""))
    assert (found.differences.keys(), found.apart) == ({"instructions"}, {})
    replies = [
        json.loads(line) for line in (Path(after.artifact or "") / "replies.jsonl").read_text().splitlines()
    ]
    assert len({reply["problem"] for reply in replies}) == 40


def test_texts_are_measured_by_what_a_model_expects(lab: Lab) -> None:
    chance = random.Random(2)
    held_out = [{"text": " ".join(chance.choices(WORDS, k=30))} for _ in range(40)]
    letters = [{"text": "".join(chance.choices("zqxjkv", k=80))} for _ in range(40)]
    (known,), (strange,) = lab.write("known.jsonl", held_out), lab.write("strange.jsonl", letters)
    texts = {"en": [known["path"]], "fr": [strange["path"]]}
    run = lab.run("evaluate", "read", model="base", texts=texts)
    figures = run.metrics
    # Ten words, as likely as each other, of 5.4 bytes with their spaces: 0.6 bits a byte is all that can be known.
    assert 0.6 < figures["en_bits_per_byte_low"] < figures["en_bits_per_byte"] < 1
    assert figures["fr_bits_per_byte_low"] > 2 * figures["en_bits_per_byte_high"]
    assert figures["en_perplexity_low"] < figures["en_perplexity"] < figures["en_perplexity_high"]
    again = lab.run("evaluate", "read-again", model="base", texts=texts, batch=3)
    assert again.metrics == pytest.approx(figures, rel=1e-5)
    (one,) = lab.write("one.jsonl", held_out[:1])
    few = lab.run("evaluate", "read-one", model="base", texts={"en": [one["path"]]})
    assert any("so few documents" in note for note in lab.heard.notes)
    other = lab.run("evaluate", "read-tuned", model="tuned", texts=texts)
    short = lab.run("evaluate", "read-short", model="base", texts=texts, length=32)

    def against(after: Run) -> Comparison:
        return compared(Path(run.artifact or ""), Path(after.artifact or ""))

    change = other.metrics["en_bits_per_byte"] - figures["en_bits_per_byte"]
    found = against(other).texts["en"]
    assert found.value == pytest.approx(change, abs=1e-6)
    # Documents are alike, and the models are not.
    assert found.is_real and found.low < found.value < found.high
    assert against(again).texts["en"].value == pytest.approx(0, abs=1e-5)
    assert against(other).fits["en"][0].bits_per_byte == pytest.approx(figures["en_bits_per_byte"])
    assert against(other).fits["en"][1].perplexity == pytest.approx(other.metrics["en_perplexity"])
    assert against(few).texts_apart == {"en": "other_texts", "fr": "only_before"}
    assert set(against(short).texts_apart.values()) == {"other_windows"}


@pytest.mark.parametrize(
    ("recipe", "says"),
    [
        (
            {"stage": "sft", "data": "echoes", "training": {"steps": 3, "optimizer": {"beta_1": 1.0}}},
            "training.optimizer.beta_1: Expected `float` < 1.0",
        ),
        ({"stage": "evaluate"}, "There is nothing to measure: name tasks, or texts"),
        ({"stage": "sfd"}, "There is no stage 'sfd': there are tokenizer, distill, data"),
        ({"stage": "sft"}, "data: it is missing"),
        (
            {"stage": "sft", "data": "echoes", "training": {"stepz": 3}},
            "training.stepz: there is no such field",
        ),
        (
            {
                "stage": "sft",
                "data": "echoes",
                "training": {"steps": 3, "optimizer": {"learning_rate": "fast"}},
            },
            "training.optimizer.learning_rate: Expected `float`, got `str`",
        ),
        ({"stage": "sft", "data": "echoes", "training": {"steps": 0}}, "training.steps: Expected `int` >= 1"),
    ],
)
def test_a_recipe_that_is_wrong_is_refused_before_there_is_a_run(
    lab: Lab, recipe: dict[str, Any], says: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        begin(lab.runs, recipe, name="wrong")
    assert says in caught.value.message
    with pytest.raises(NotFound):
        lab.runs.find("wrong")


@pytest.mark.parametrize(
    ("stage", "recipe", "says"),
    [
        ("sft", {"model": "nobody", "data": "echoes"}, "There is no model 'nobody'"),
        (
            "pretrain",
            {
                "data": "texts",
                "tokenizer": "bpe",
                "architecture": {"settings": {"num_hidden_layers": "three"}},
            },
            "The architecture 'llama' cannot be made",
        ),
        ("sft", {"model": "base", "data": "nothing"}, "There is no prepared data 'nothing'"),
        ("sft", {"model": "base", "data": "echoes", "length": 2}, "are longer than 2 tokens"),
        ("prefer", {"model": "base", "data": "echoes"}, "has records of the kind conversation"),
        ("reinforce", {"model": "base", "task": "chess"}, "There is no task 'chess'"),
        (
            "pretrain",
            {"data": "texts", "tokenizer": "bpe", "architecture": {"settings": {"hidden_sise": 64}}},
            "The architecture 'llama' has no hidden_sise",
        ),
        (
            "pretrain",
            {"data": "texts", "tokenizer": "bpe", "architecture": {"kind": "qwen3", "depth": 2}},
            "A depth chooses a Llama",
        ),
    ],
)
def test_what_a_stage_cannot_do_is_said_and_noted(
    lab: Lab, stage: str, recipe: dict[str, Any], says: str
) -> None:
    name = f"cannot-{stage}-{len(lab.runs.list())}"
    with pytest.raises(CausetteError) as caught:
        lab.run(stage, name, **recipe, training=TRAINING)
    assert says in caught.value.message
    run = lab.runs.find(name)
    assert run.status == "failed" and run.error is not None and says in run.error


def test_what_reinforcement_learns_from_at_once_is_said_in_one_way(lab: Lab) -> None:
    training = TRAINING | {"accumulate": 2}
    with pytest.raises(ConfigurationError, match=r"group\.problems × group\.replies"):
        lab.run("reinforce", "accumulated", model="base", task="arithmetic-2", training=training)


def test_what_a_run_ended_of_is_told_even_if_it_cannot_be_noted(lab: Lab) -> None:
    recipe = {"stage": "sft", "model": "base", "data": "echoes", "training": TRAINING}
    begin(lab.runs, recipe, name="full")

    class Fills(Listener):
        def metrics(self, step: int, values: Mapping[str, float]) -> None:
            # Nothing can be written any more where the run's end would be.
            (lab.runs.place("full") / "run.writing").mkdir()
            raise CausetteError("There is no room.")

    with pytest.raises(CausetteError, match="There is no room"):
        carry_out(lab.runs, "full", Fills(), lab.models)


@pytest.mark.parametrize(
    ("recipe", "says"),
    [
        ({"url": "http://127.0.0.1:9/v1", "texts": {"en": ["a.txt"]}}, "does not give: leave out url"),
        ({"model": "base", "texts": {"en": ["no.txt"]}}, "no.txt: cannot be read"),
        ({"model": "base", "texts": {"en": []}}, "The texts en are empty"),
    ],
)
def test_texts_that_cannot_be_measured_are_refused(lab: Lab, recipe: dict[str, Any], says: str) -> None:
    with pytest.raises(CausetteError) as caught:
        lab.run("evaluate", f"unread-{len(lab.runs.list())}", **recipe)
    assert says in caught.value.message


def test_data_for_another_tokenizer_is_not_trained_on(lab: Lab) -> None:
    lab.run("tokenizer", "other", files=[str(lab.folder / "texts.jsonl")], vocabulary_size=300)
    lab.run(
        "data", "foreign", sources=lab.write("a.jsonl", [said("Hello", "Hi")]), tokenizer="other", held_out=0
    )
    with pytest.raises(ConfigurationError, match="prepared with another tokenizer"):
        lab.run("sft", "mixed", model="base", data="foreign", training=TRAINING)


def test_a_name_is_one_runs(lab: Lab) -> None:
    with pytest.raises(Conflict, match="There is a run base"):
        begin(lab.runs, lab.runs.recipe("base"), name="base")
    with pytest.raises(NotFound):
        lab.runs.find("../runs/base")


def test_a_run_whose_process_died_is_one_to_be_resumed(lab: Lab) -> None:
    run = begin(lab.runs, lab.runs.recipe("base"), name="died")
    assert run.status == "running"
    found = lab.runs.find("died")
    assert (found.status, found.error) == ("interrupted", "Its process has ended. It can be resumed.")
    with lab.runs.held("died"):
        assert lab.runs.find("died").status == "running"
        with pytest.raises(Conflict, match="another process"):
            carry_out(lab.runs, "died", lab.heard, lab.models)


@pytest.mark.parametrize("made", ["texts", "bpe"])
def test_a_run_that_died_before_its_artifact_was_noted_can_be_resumed(lab: Lab, made: str) -> None:
    name = f"{made}-again"
    done = begin(lab.runs, lab.runs.recipe(made), name=name)
    carry_out(lab.runs, name, lab.heard, lab.models)
    # As it was before its end was written.
    lab.runs.put(done)
    again = carry_out(lab.runs, name, lab.heard, lab.models)
    assert (again.status, again.metrics) == ("done", lab.runs.find(made).metrics)


def test_a_recipe_is_changed_from_the_command_line(tmp_path: Path) -> None:
    path = tmp_path / "sft.toml"
    path.write_text('stage = "sft"\ndata = "echoes"\n[training]\nsteps = 5\n')
    changed = change(
        read_recipe(path), ["training.steps=7", "training.optimizer.learning_rate=1e-3", "model=base"]
    )
    assert changed["training"] == {"steps": 7, "optimizer": {"learning_rate": 1e-3}}
    assert changed["model"] == "base"
    with pytest.raises(ConfigurationError, match="changes nothing"):
        change(changed, ["training.steps"])
    with pytest.raises(ConfigurationError, match="goes through data"):
        change(changed, ["data.more=1"])


@pytest.mark.parametrize(
    ("text", "says"),
    [("stage = ", "is not TOML"), ("steps = 3", "does not say which stage"), (None, "cannot be read")],
)
def test_a_recipe_that_is_none_is_refused(tmp_path: Path, text: str | None, says: str) -> None:
    path = tmp_path / "recipe.toml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        read_recipe(path)
    assert says in caught.value.message
