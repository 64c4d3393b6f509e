"""Training goes on after any interruption as if there had been none, and stops where going on would do harm."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import torch
from torch._dynamo.utils import counters
from transformers import PreTrainedModel

from causette.errors import CausetteError
from causette.lab.batches import Rows
from causette.lab.losses import IGNORED
from causette.lab.training.checkpoints import Checkpoints
from causette.lab.training.config import OptimizerConfig, TrainingConfig
from causette.lab.training.loop import Interrupted, Loss, Objective, Summary, train
from causette.lab.training.place import Place
from tests.lab.listening import Listener
from tests.lab.toys import Sequences, next_token, tiny_model

HERE = Place(device=torch.device("cpu"))
FAST = OptimizerConfig(learning_rate=1e-2)


def run(
    folder: Path,
    config: TrainingConfig,
    heard: Listener,
    *,
    model: PreTrainedModel | None = None,
    objective: Objective[Rows] = next_token,
    stream: Sequences | None = None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Summary:
    return train(
        model or tiny_model(),
        objective,
        stream or Sequences(config.batch * config.accumulate, parts=config.accumulate),
        config,
        place=HERE,
        checkpoints=Checkpoints(folder, keep=config.keep),
        events=heard,
        should_stop=should_stop,
    )


def test_it_learns(tmp_path: Path) -> None:
    heard = Listener()
    summary = run(tmp_path, TrainingConfig(steps=120, optimizer=FAST), heard)
    assert heard.losses[1] > 4
    assert heard.losses[120] < 1.5
    assert (summary.steps, summary.tokens) == (120, 120 * 8 * 16)
    assert summary.flops > 0
    assert 0 < summary.mfu < 1


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
@pytest.mark.parametrize("after", [3, 5])
def test_a_stopped_run_goes_on_to_the_same_losses(tmp_path: Path, optimizer: str, after: int) -> None:
    config = TrainingConfig(
        steps=8,
        batch=2,
        accumulate=2,
        save_every=3,
        optimizer=OptimizerConfig(name=optimizer, learning_rate=1e-2),  # pyright: ignore[reportArgumentType]
    )
    whole, parts = Listener(), Listener()
    model = tiny_model()
    run(tmp_path / "whole", config, whole, model=model)
    with pytest.raises(Interrupted, match=f"after step {after} of 8"):
        run(tmp_path / "parts", config, parts, should_stop=lambda: len(parts.measured) == after)
    # Neither the weights nor the random numbers of before are needed.
    torch.manual_seed(99)
    resumed = tiny_model(seed=7)
    run(tmp_path / "parts", config, parts, model=resumed)
    assert [step for step, _ in parts.measured] == list(range(1, 9))
    assert parts.losses == whole.losses
    assert all(torch.equal(*pair) for pair in zip(model.parameters(), resumed.parameters(), strict=True))


def test_a_stopped_run_goes_on_with_its_random_numbers(tmp_path: Path) -> None:
    def drops(model: PreTrainedModel, batch: Rows) -> Loss:
        kept = torch.where(torch.rand(batch.ids_BT.shape) < 0.5, batch.targets_BT, IGNORED)
        return next_token(model, Rows(ids_BT=batch.ids_BT, targets_BT=kept))

    config = TrainingConfig(steps=4, batch=2, save_every=2, optimizer=FAST)
    whole, parts = Listener(), Listener()
    run(tmp_path / "whole", config, whole, objective=drops)
    with pytest.raises(Interrupted):
        run(
            tmp_path / "parts",
            config,
            parts,
            objective=drops,
            should_stop=lambda: len(parts.measured) == 2,
        )
    run(tmp_path / "parts", config, parts, objective=drops)
    assert parts.losses == whole.losses


_KILLED = """
import os, signal, sys
from pathlib import Path
import torch
from causette.lab.runs import Recorded
from causette.lab.training.config import OptimizerConfig, TrainingConfig
from tests.lab.listening import Listener
from tests.lab.training.test_loop import FAST, run

folder, dies = Path(sys.argv[1]), int(sys.argv[2])

class Deadly(Listener):
    def metrics(self, step, values):
        super().metrics(step, values)
        if step == dies:
            os.kill(os.getpid(), signal.SIGKILL)

config = TrainingConfig(steps=10, batch=2, save_every=4, optimizer=FAST)
run(folder, config, Recorded(folder / "events.jsonl", Deadly()))
"""


def _killed(folder: Path, dies: int) -> dict[int, float]:
    ended = subprocess.run([sys.executable, "-c", _KILLED, str(folder), str(dies)], check=False, timeout=120)
    assert ended.returncode == (-signal.SIGKILL if dies else 0)
    events = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
    return {event["step"]: event["loss"] for event in events if "step" in event}


def test_a_killed_run_gives_bit_for_bit_the_losses_of_one_that_was_not(tmp_path: Path) -> None:
    whole = Listener()
    run(tmp_path / "whole", TrainingConfig(steps=10, batch=2, save_every=4, optimizer=FAST), whole)
    # Its checkpoint is of step 4, so that two steps are taken again.
    assert list(_killed(tmp_path, dies=6)) == list(range(1, 7))
    assert _killed(tmp_path, dies=0) == whole.losses


def test_micro_batches_change_nothing(tmp_path: Path) -> None:
    whole, halves = Listener(), Listener()
    run(tmp_path / "a", TrainingConfig(steps=5, batch=8, optimizer=FAST), whole)
    config = TrainingConfig(steps=5, batch=4, accumulate=2, optimizer=FAST)
    run(tmp_path / "b", config, halves, stream=Sequences(8, parts=2))
    assert halves.losses == pytest.approx(whole.losses, rel=1e-5)


def test_compiling_changes_how_it_is_computed_and_not_what(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Traced as always; what takes a minute is a compiler of C++.
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="eager"))
    plain, compiled = Listener(), Listener()
    run(tmp_path / "plain", TrainingConfig(steps=2, batch=2, optimizer=FAST), plain)
    counters.clear()
    run(tmp_path / "compiled", TrainingConfig(steps=2, batch=2, optimizer=FAST, compile=True), compiled)
    assert counters["frames"]["ok"] > 0
    assert compiled.losses == pytest.approx(plain.losses, rel=1e-4)


def test_a_loss_that_is_not_a_number_ends_the_run_before_it_does_harm(tmp_path: Path) -> None:
    heard = Listener()
    model = tiny_model()

    def breaks(model: PreTrainedModel, batch: Rows) -> Loss:
        loss = next_token(model, batch)
        return Loss(loss.total * float("nan"), {}) if len(heard.measured) == 4 else loss

    config = TrainingConfig(steps=9, save_every=2, optimizer=FAST)
    with pytest.raises(CausetteError, match="At step 5 the loss is nan") as caught:
        run(tmp_path, config, heard, model=model, objective=breaks)
    assert caught.value.code == "not_finite"
    assert [path.name for path in Checkpoints(tmp_path, keep=2).paths()] == [
        "step-00000002.pt",
        "step-00000004.pt",
    ]
    kept = Checkpoints(tmp_path, keep=2).newest(heard)
    assert kept is not None
    assert all(torch.equal(kept["model"][name], each) for name, each in model.state_dict().items())
    # Mended, it goes on.
    run(tmp_path, config, heard)
    assert list(heard.losses) == list(range(1, 10))


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-5000])


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0x40
    path.write_bytes(content)


@pytest.mark.parametrize("damage", [_cut, _flip])
def test_a_damaged_checkpoint_is_passed_over(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    heard = Listener()
    config = TrainingConfig(steps=6, save_every=2, optimizer=FAST)
    run(tmp_path, config, heard)
    newest = Checkpoints(tmp_path, keep=2).paths()[-1]
    damage(newest)
    again = Listener()
    run(tmp_path, config, again)
    assert "step-00000006.pt is damaged" in again.notes[0]
    assert list(again.losses) == [5, 6]
    assert all(heard.losses[step] == loss for step, loss in again.losses.items())


_FULL = """
import resource, signal, sys
from pathlib import Path
from causette.lab.training.config import TrainingConfig
from tests.lab.listening import Listener
from tests.lab.training.test_loop import FAST, run
import torch
heard = Listener()
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

class Fills(Listener):
    def metrics(self, step, values):
        if step == 5:
            resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))

run(Path(sys.argv[1]), TrainingConfig(steps=8, save_every=2, optimizer=FAST), Fills())
"""


def test_a_full_disk_leaves_the_checkpoints_that_there_are(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", _FULL, str(tmp_path)], capture_output=True, text=True, check=False, timeout=120
    )
    assert "The checkpoint after step 6 could not be written" in ended.stderr
    assert "can be resumed from the one before" in ended.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-00000002.pt", "step-00000004.pt"]


_SHARDED = """
import json, sys
from pathlib import Path
import torch
torch.set_num_threads(1)
from causette.lab.training.checkpoints import Checkpoints
from causette.lab.training.config import OptimizerConfig, TrainingConfig
from causette.lab.training.loop import Interrupted, train
from causette.lab.training.place import Place
from tests.lab.listening import Listener
from tests.lab.toys import Sequences, next_token, tiny_model

folder, stops = Path(sys.argv[1]), int(sys.argv[2])
place = Place.here()
model, heard = tiny_model(tied=True), Listener()
place.shard(model, torch.float32)
optimizer = OptimizerConfig(name="muon", learning_rate=1e-2)
config = TrainingConfig(steps=6, batch=2, save_every=4, optimizer=optimizer)
taken = Sequences(2, rank=place.rank, world=place.world)
drawn = {}

def draws(model, batch):
    drawn[taken.taken] = torch.rand(()).item()
    return next_token(model, batch)

try:
    train(
        model, draws, taken, config, place=place, checkpoints=Checkpoints(folder / "checkpoints", keep=2),
        events=heard, should_stop=lambda: taken.taken == stops,
    )
except Interrupted:
    pass
(folder / f"drawn-{place.rank}.json").write_text(json.dumps(drawn))
if place.is_first:
    (folder / "losses.json").write_text(json.dumps(heard.losses))
torch.distributed.destroy_process_group()
"""


def _sharded(folder: Path, stops: int) -> dict[int, float]:
    script = folder / "sharded.py"
    script.write_text(_SHARDED)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    ended = subprocess.run(
        [*command, str(script), str(folder), str(stops)],
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
        env={"PYTHONPATH": ":".join(sys.path), "OMP_NUM_THREADS": "1", "PATH": "/usr/bin:/bin"},
    )
    assert ended.returncode == 0, ended.stderr[-3000:]
    return {int(step): loss for step, loss in json.loads((folder / "losses.json").read_text()).items()}


def test_two_processes_that_share_the_weights_learn_what_one_would(tmp_path: Path) -> None:
    alone = Listener()
    # The vectors are AdamW's.
    optimizer = OptimizerConfig(name="muon", learning_rate=1e-2)
    config = TrainingConfig(steps=6, batch=4, save_every=4, optimizer=optimizer)
    run(tmp_path / "alone", config, alone, model=tiny_model(tied=True))
    before = _sharded(tmp_path, stops=5)
    after = _sharded(tmp_path, stops=-1)
    assert list(before) == [1, 2, 3, 4, 5]
    assert list(after) == [6]
    for rank in range(2):
        # Each goes on with the random numbers that its own seed gives.
        chance = torch.Generator().manual_seed(rank)
        sixth = [torch.rand((), generator=chance).item() for _ in range(6)][-1]
        assert json.loads((tmp_path / f"drawn-{rank}.json").read_text()) == {"6": sixth}
    assert before | after == pytest.approx(alone.losses, rel=1e-4)
