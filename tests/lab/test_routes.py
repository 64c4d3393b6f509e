"""The lab over HTTP: what is in its folder, and what is asked of it."""

from collections.abc import AsyncGenerator
from contextlib import closing
from dataclasses import dataclass
from math import log
from pathlib import Path
from typing import Any

import httpx2
import pytest
import pytest_asyncio

from causette.lab.curves import MOST_POINTS
from causette.lab.runs import Runs
from tests.house import OpenHouse, Person, open_house
from tests.lab import folders
from tests.lab.teaching import Teacher
from tests.waiting import eventually


@dataclass(frozen=True)
class Lab:
    """A house with a lab in which some things were run, and who runs it."""

    house: OpenHouse
    ada: Person
    runs: Runs

    async def ask(self, method: str, path: str, body: Any = None) -> httpx2.Response:
        return await self.house.client.request(
            method, f"/api/admin/lab{path}", json=body, headers=self.ada.cookie
        )

    async def get(self, path: str) -> Any:
        answer = await self.ask("GET", path)
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def lab(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Lab]:
    folder = tmp_path_factory.mktemp("lab")
    runs = Runs(folder / "runs")
    folders.fill(runs)
    async with open_house(folder) as opened:
        ada = await opened.person("ada")
        await opened.house.accounts.set_role(ada.caller.user.id, "owner")
        yield Lab(opened, ada, runs)


pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_runs_are_listed_the_newest_first_page_by_page(lab: Lab) -> None:
    first = await lab.get("/runs?limit=3")
    assert [run["id"] for run in first["items"]] == ["stopped", "broken", "short"]
    second = await lab.get(f"/runs?limit=100&before={first['next']}")
    assert [run["id"] for run in second["items"]][:3] == ["after", "before", "taught-slowly"]
    assert second["next"] is None
    assert {run["id"] for run in (await lab.get("/runs?stage=evaluate"))["items"]} == {
        "before",
        "after",
        "short",
    }
    assert (await lab.ask("GET", "/runs?before=nobody")).status_code == 404


async def test_a_run_at_a_glance_says_how_far_it_is_and_what_it_told_last(lab: Lab) -> None:
    runs = {run["id"]: run for run in (await lab.get("/runs"))["items"]}
    stopped = runs["stopped"]
    assert (stopped["status"], stopped["can_resume"], stopped["can_stop"]) == ("interrupted", True, False)
    assert stopped["progress"] == {"done": 49, "total": folders.STEPS}
    assert stopped["figures"]["tokens"] == 49 * 512
    assert stopped["curve"]["name"] == "loss"
    assert [stopped["curve"]["points"][place][0] for place in (0, -1)] == [0, 49]
    assert runs["broken"]["error"].startswith("The data thumbs has no conversations")
    assert (runs["sums"]["progress"], runs["sums"]["curve"]) == (None, None)


async def test_a_run_says_what_it_was_made_from_and_who_uses_it(lab: Lab) -> None:
    taught = await lab.get("/runs/taught")
    assert taught["made_from"] == [
        {"role": "model", "name": "default", "is_run": False, "stage": None},
        {"role": "data", "name": "sums", "is_run": True, "stage": "data"},
    ]
    assert {(link["name"], link["role"]) for link in taught["used_by"]} == {
        ("after", "model"),
        ("short", "model"),
    }
    assert "learning_rate = 0.0001" in taught["recipe"]
    assert taught["artifact"].endswith("taught/artifact")
    assert taught["versions"]["torch"]


async def test_events_are_curves_and_what_came_since_is_asked_for_alone(lab: Lab) -> None:
    whole = await lab.get("/runs/taught/events")
    curves = {curve["name"]: curve["points"] for curve in whole["curves"]}
    assert [step for step, _ in curves["held_out_loss"]] == list(range(0, folders.STEPS + 1, 20))
    assert len(curves["loss"]) == folders.STEPS + 1
    assert [note["text"] for note in whole["notes"]] == ["Resuming after step 60."]
    folders.tell(lab.runs, "taught", iter([folders.figures(folders.STEPS + 1, 1.0)]))
    more = await lab.get(f"/runs/taught/events?after={whole['next']}")
    assert [point[0] for point in more["curves"][0]["points"]] == [folders.STEPS + 1]
    assert more["notes"] == []
    assert (await lab.get(f"/runs/taught/events?after={more['next']}"))["curves"] == []


async def test_a_long_run_is_drawn_with_as_many_points_as_can_be_seen(lab: Lab) -> None:
    run = lab.runs.begin("sft", folders.sft("sums"), "long")
    steps = ({"step": float(step), "loss": 9.0 if step == 7_777 else 1.0} for step in range(10_000))
    folders.tell(lab.runs, "long", steps)
    lab.runs.ended(run, "interrupted", "It was stopped.")
    [curve] = (await lab.get("/runs/long/events"))["curves"]
    assert len(curve["points"]) <= MOST_POINTS
    # The one peak is among them.
    assert [7_777, 9.0] in curve["points"]
    assert [curve["points"][place][0] for place in (0, -1)] == [0, 9_999]


@pytest.mark.parametrize("name", ["nobody", "..", "%2e%2e", "..%2f..%2fetc", "a%00b", "%F0%9D%92%9C" * 90])
async def test_there_is_no_way_out_of_the_folder(lab: Lab, name: str) -> None:
    # Beside the folder there is something that looks like a run.
    (lab.runs.folder.parent / "run.json").write_bytes((lab.runs.place("sums") / "run.json").read_bytes())
    for method, path in (
        ("GET", ""),
        ("GET", "/events"),
        ("GET", "/replies"),
        ("POST", "/stop"),
        ("POST", "/resume"),
    ):
        answer = await lab.ask(method, f"/runs/{name}{path}")
        assert answer.status_code in (404, 405), (method, path, answer.text)
    for query in (f"before={name}&after=after", f"before=after&after={name}"):
        assert (await lab.ask("GET", f"/compare?{query}")).status_code == 404


async def test_replies_are_read_page_by_page_and_the_wrong_ones_alone(lab: Lab) -> None:
    whole = await lab.get("/runs/before/replies?limit=2")
    assert whole["tasks"] == ["arithmetic-2", "instructions"]
    assert (whole["total"], whole["next"]) == (2 * folders.PROBLEMS, 2)
    assert whole["items"][0] == {
        "task": "arithmetic-2",
        "problem": "11+7",
        "prompt": "What is 11 + 7?",
        "reply": "11 + 7 = 18",
        "score": 1.0,
    }
    wrong = await lab.get("/runs/before/replies?task=arithmetic-2&wrong=true&limit=100")
    assert wrong["total"] == folders.PROBLEMS * 4 // 5
    assert all(reply["score"] < 1 for reply in wrong["items"])
    assert (await lab.get("/runs/before/replies?offset=119"))["next"] is None
    refused = await lab.ask("GET", "/runs/taught/replies")
    assert (refused.status_code, refused.json()["code"]) == (400, "no_evaluation")


async def test_evaluations_are_compared_and_what_cannot_be_is_named(lab: Lab) -> None:
    found = await lab.get("/compare?before=before&after=after")
    sums, rules = found["items"]
    assert (sums["task"], sums["before"], sums["after"], sums["is_real"]) == ("arithmetic-2", 0.2, 0.5, True)
    assert sums["low"] <= sums["change"] <= sums["high"]
    assert sums["p"] < 0.05
    assert (rules["task"], rules["change"], rules["is_real"]) == ("instructions", 0, False)
    assert found["apart"] == found["texts_apart"] == []
    others = await lab.get("/compare?before=before&after=short")
    assert others["items"] == []
    assert {each["reason"] for each in others["apart"]} == {"other_problems"}
    assert others["texts"] == []
    assert {each["texts"]: each["reason"] for each in others["texts_apart"]} == {
        "en": "other_texts",
        "fr": "only_before",
    }
    refused = await lab.ask("GET", "/compare?before=taught&after=after")
    assert "no evaluation: its stage is sft" in refused.json()["detail"]


async def test_texts_are_compared_by_their_bits_per_byte(lab: Lab) -> None:
    english, french = (await lab.get("/compare?before=before&after=after"))["texts"]
    assert (english["texts"], french["texts"]) == ("en", "fr")
    # Of 0.2 nats less a byte.
    assert english["change"] == pytest.approx(english["after"] - english["before"])
    assert english["change"] == pytest.approx(-0.2 / log(2), abs=0.05)
    assert english["low"] <= english["change"] <= english["high"] < 0
    assert (english["is_real"], french["is_real"]) == (True, False)
    # A token is of more than four bytes.
    assert english["perplexity_before"] > 2 ** (4 * english["before"] * 0.8) > 1
    assert english["perplexity_after"] < english["perplexity_before"]
    back = await lab.get("/compare?before=after&after=before")
    assert back["texts"][0]["change"] == pytest.approx(-english["change"])


async def test_replies_are_set_side_by_side_where_they_differ(lab: Lab) -> None:
    found = await lab.get("/compare/replies?before=before&after=after&limit=1")
    assert found["next"] == 1
    [pair] = found["items"]
    assert pair["before"]["problem"] == pair["after"]["problem"]
    assert pair["before"]["reply"] != pair["after"]["reply"]
    assert (await lab.get("/compare/replies?before=before&after=before"))["total"] == 0
    assert (await lab.get("/compare/replies?before=before&after=after&task=instructions"))["total"] == 0


async def test_stages_come_with_examples_and_with_what_is_missing(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = await lab.get("/stages")
    assert [stage["name"] for stage in found["items"]][:3] == ["tokenizer", "distill", "data"]
    assert 'stage = "sft"' in next(stage["example"] for stage in found["items"] if stage["name"] == "sft")
    assert (found["missing"], found["install"]) == ([], "pip install 'causette[lab]'")
    monkeypatch.setattr("causette.lab.installed._NEEDED", ("torch", "a_library_that_is_not_there"))
    assert (await lab.get("/stages"))["missing"] == ["a_library_that_is_not_there"]
    refused = await lab.ask("POST", "/runs", {"recipe": 'stage = "sft"'})
    assert (refused.status_code, refused.json()["code"]) == (501, "lab_not_installed")
    assert "pip install 'causette[lab]'" in refused.json()["detail"]


async def test_what_is_served_elsewhere_is_evaluated_without_the_labs_libraries(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("causette.lab.installed._NEEDED", ("a_library_that_is_not_there",))
    trains = {stage["name"]: stage["trains"] for stage in (await lab.get("/stages"))["items"]}
    assert {name for name, always in trains.items() if not always} == {"distill", "evaluate"}
    recipe = {"stage": "evaluate", "model": "large", "tasks": ["arithmetic-2"], "problems": 3}
    refused = await lab.ask("POST", "/runs", {"recipe": recipe})
    assert (refused.status_code, refused.json()["code"]) == (501, "lab_not_installed")
    with closing(Teacher()) as teacher:
        begun = await lab.ask("POST", "/runs", {"recipe": recipe | {"url": teacher.url}, "name": "elsewhere"})
        assert begun.status_code == 201, begun.text

        async def ended() -> bool:
            return (await lab.get("/runs/elsewhere"))["status"] not in {"waiting", "running"}

        await eventually(ended, "the run to end", seconds=60)
        assert (await lab.get("/runs/elsewhere"))["status"] == "done"
        assert len(teacher.asked) == 3
    assert (await lab.get("/runs/elsewhere/replies"))["total"] == 3


async def test_a_text_that_is_no_recipe_is_refused_with_its_line(lab: Lab) -> None:
    broken = await lab.ask("POST", "/runs", {"recipe": 'stage = "sft"\nsteps =\n'})
    assert broken.status_code == 422
    assert "not TOML" in broken.json()["detail"] and "line 2" in broken.json()["detail"]
    silent = await lab.ask("POST", "/runs", {"recipe": "steps = 1"})
    assert silent.json()["errors"][0]["field"] == "stage"
    taken = await lab.ask("POST", "/runs", {"recipe": 'stage = "sft"', "nmae": "x"})
    assert taken.json()["errors"][0]["field"] == "nmae"


async def test_a_run_is_begun_from_a_recipe_whose_mistakes_are_all_named(lab: Lab, tmp_path: Path) -> None:
    wrong = await lab.ask(
        "POST",
        "/runs",
        {"recipe": 'stage = "tokenizer"\nfiles = "x"\nvocabulary = 300\n'},
    )
    assert wrong.status_code == 422, wrong.text
    assert "files: Expected `array`, got `str`" in wrong.json()["detail"]
    assert "vocabulary: there is no such field" in wrong.json()["detail"]
    assert "vocabulary" not in {run["id"] for run in (await lab.get("/runs"))["items"]}

    texts = tmp_path / "texts.txt"
    texts.write_text("tree river stone bird cloud lamp house field road bell\n" * 40)
    recipe = {"stage": "tokenizer", "files": [str(texts)], "vocabulary_size": 300}
    begun = await lab.ask("POST", "/runs", {"recipe": recipe, "name": "bpe"})
    assert begun.status_code == 201, begun.text
    assert begun.json()["status"] in ("waiting", "running")
    assert (await lab.ask("POST", "/runs", {"recipe": recipe, "name": "bpe"})).status_code == 409

    async def ended() -> bool:
        return (await lab.get("/runs/bpe"))["status"] == "done"

    await eventually(ended, "the run to end", seconds=60)
    assert (await lab.get("/runs/bpe"))["kind"] == "tokenizer"
    refused = await lab.ask("POST", "/runs/bpe/resume")
    assert (refused.status_code, refused.json()["code"]) == (409, "not_resumable")
    # What nobody carries out stays as it is.
    assert (await lab.ask("POST", "/runs/bpe/stop")).json()["status"] == "done"
