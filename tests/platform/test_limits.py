"""Limits and budgets as a program meets them on ``/v1``: truthful headers, refusals that say when to come back."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import httpx2
import openai
import pytest
import pytest_asyncio

from causette.ledger.types import DAY, MINUTE, MONTH, TOTAL, Limit, Meter, Standing, Window
from causette.plans.types import Budget
from tests.house import Person
from tests.platform.shop import CHAT, METERED, TOKEN_NANO, Shop, error_of, limits_in, open_shop
from tests.waiting import eventually

LIMITED = """
default_plan = "limited"

[plan.limited]
models = ["*"]
features = ["*"]
weight = 1
rpm = 20
tpm = 100_000
included = { everything = true }
"""

#: Every way to ask ``/v1``, what it asks for, and whether it counts against a limit.
WAYS = {
    "a whole chat": ("POST", "/v1/chat/completions", CHAT, True),
    "a streamed chat": ("POST", "/v1/chat/completions", CHAT | {"stream": True}, True),
    "a whole completion": ("POST", "/v1/completions", {"model": "default", "prompt": "Once"}, True),
    "a streamed completion": (
        "POST",
        "/v1/completions",
        {"model": "default", "prompt": "Once", "stream": True},
        True,
    ),
    "embeddings": ("POST", "/v1/embeddings", {"model": "embedding", "input": "Once"}, True),
    "the models": ("GET", "/v1/models", None, False),
    "a model": ("GET", "/v1/models/default", None, False),
}


@pytest_asyncio.fixture
async def limited(tmp_path: Path) -> AsyncGenerator[Shop]:
    """A shop whose plan has a limit on requests and one on tokens."""
    async with open_shop(tmp_path, LIMITED) as shop:
        yield shop


@pytest_asyncio.fixture
async def metered(tmp_path: Path) -> AsyncGenerator[Shop]:
    """A shop where each token is paid for, and Ada has plenty of credit."""
    async with open_shop(tmp_path, METERED) as shop:
        await shop.credit(shop.ada.caller.payer_id, 10**12)
        yield shop


async def asked(shop: Shop, way: str, key: str | None = None) -> httpx2.Response:
    method, path, body, _ = WAYS[way]
    return await shop.http.request(
        method, path, json=body, headers={"authorization": f"Bearer {key or shop.ada.key}"}
    )


async def standing(shop: Shop, meter: Meter, amount: int) -> Standing:
    limit = Limit(f"payer:{shop.ada.caller.payer_id}", meter, MINUTE, amount)
    (found,) = await shop.house.door.ledger.standing((limit,))
    return found


@pytest.mark.parametrize("way", WAYS)
async def test_who_has_no_limit_is_told_none(tmp_path: Path, way: str) -> None:
    async with open_shop(tmp_path) as shop:
        answer = await asked(shop, way)
        assert answer.status_code == 200
        assert limits_in(answer) == {}
        assert limits_in(await shop.chat(model="nothing")) == {}


@pytest.mark.parametrize("way", WAYS)
async def test_every_answer_tells_how_the_limits_stand(limited: Shop, way: str) -> None:
    before = await asked(limited, "the models")
    assert limits_in(before) == {
        "limit-requests": "20",
        "remaining-requests": "20",
        "reset-requests": "0ms",
        "limit-tokens": "100000",
        "remaining-tokens": "100000",
        "reset-tokens": "0ms",
    }
    answer = await asked(limited, way)
    assert answer.status_code == 200
    told, counts = limits_in(answer), WAYS[way][-1]
    assert (told["limit-requests"], told["limit-tokens"]) == ("20", "100000")
    requests = await standing(limited, Meter.REQUESTS, 20)
    assert told["remaining-requests"] == str(requests.remaining) == ("19" if counts else "20")
    tokens = await standing(limited, Meter.TOKENS, 100_000)
    # What is told of a reply before it is written is what is left beside the most that it may take.
    assert 0 < int(told["remaining-tokens"]) <= tokens.remaining
    assert (int(told["remaining-tokens"]) < 100_000) == counts
    if counts:
        assert told["reset-requests"].endswith("s") and told["reset-requests"] != "0ms"


async def test_what_a_finished_reply_did_not_take_is_told_as_left(limited: Shop) -> None:
    held = int(limits_in(await limited.chat())["remaining-tokens"])
    left = int(limits_in(await asked(limited, "a model"))["remaining-tokens"])
    assert left == 100_000 - 8
    assert held < left - 50


async def test_a_refusal_tells_how_the_limits_stand_as_well(limited: Shop) -> None:
    await limited.chat()
    told = limits_in(await limited.chat(model="nothing"))
    assert (told["limit-requests"], told["remaining-requests"]) == ("20", "19")
    assert told["remaining-tokens"] == str(100_000 - 8)


async def test_of_several_limits_the_tightest_is_told(limited: Shop) -> None:
    key = await limited.key(rpm=3, tpm=10**6)
    told = limits_in(await limited.chat(key))
    assert (told["limit-requests"], told["remaining-requests"]) == ("3", "2")
    assert told["limit-tokens"] == "100000"


async def test_a_models_own_limit_is_told_of_that_model_only(tmp_path: Path) -> None:
    plans = LIMITED.replace("rpm = 20", 'limits = [{ requests = 5, per = "3h", models = ["other"] }]')
    async with open_shop(tmp_path, plans) as shop:
        assert "limit-requests" not in limits_in(await shop.chat())
        assert limits_in(await shop.chat(model="other"))["remaining-requests"] == "4"
        assert "limit-requests" not in limits_in(await asked(shop, "the models"))
        bearer = shop.ada.bearer
        told = limits_in(await shop.http.get("/v1/models/other", headers=bearer))
        assert (told["limit-requests"], told["remaining-requests"]) == ("5", "4")


async def test_the_last_request_is_served_and_the_next_one_told_when_to_come(limited: Shop) -> None:
    key = await limited.key(rpm=3)
    answers = [await limited.chat(key) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert [limits_in(answer)["remaining-requests"] for answer in answers] == ["2", "1", "0", "0"]
    error = error_of(answers[-1], 429)
    assert (error["type"], error["code"]) == ("rate_limit_error", "rate_limit_exceeded")
    assert "3 requests a minute for this API key" in error["message"]
    headers = answers[-1].headers
    milliseconds = int(headers["retry-after-ms"])
    assert 50_000 < milliseconds <= 60_000
    # Never a second too early.
    assert int(headers["retry-after"]) * 1000 >= milliseconds
    assert "x-should-retry" not in headers
    assert len(await limited.rows()) == 3


async def test_who_came_at_once_share_the_limit_exactly(limited: Shop) -> None:
    key = await limited.key(rpm=5)
    answers = await asyncio.gather(*(limited.chat(key) for _ in range(12)))
    assert sorted(answer.status_code for answer in answers) == [200] * 5 + [429] * 7
    assert sorted(limits_in(answer)["remaining-requests"] for answer in answers) == sorted(
        ["4", "3", "2", "1"] + ["0"] * 8
    )


async def test_tokens_are_held_before_they_are_made(limited: Shop) -> None:
    # Five calls together would exceed a limit in which each alone has room.
    limited.engine.answer = None
    key = await limited.key(tpm=400)
    asking = [asyncio.create_task(limited.chat(key)) for _ in range(5)]
    calls = [await limited.engine.called() for _ in range(2)]
    await eventually(lambda: sum(task.done() for task in asking) == 3, "the others to be refused")
    for task in asking:
        if task.done():
            assert error_of(task.result(), 429)["code"] == "rate_limit_exceeded"
            # Those that run will mostly give something back.
            assert 0 < int(task.result().headers["retry-after-ms"]) <= 1000
    for call in calls:
        call.end()
    assert sorted([(await task).status_code for task in asking]) == [200, 200, 429, 429, 429]


async def test_a_request_that_no_waiting_helps_is_not_sent_again(limited: Shop) -> None:
    key = await limited.key(tpm=60)
    answer = await limited.chat(key)
    assert error_of(answer, 429)["code"] == "request_too_large_for_limit"
    assert answer.headers["x-should-retry"] == "false"
    assert "retry-after" not in answer.headers
    assert await _times_asked(limited, key, openai.RateLimitError) == 1


async def test_the_official_client_comes_back_when_it_was_told_to(tmp_path: Path) -> None:
    plans = LIMITED.replace("rpm = 20", 'limits = [{ requests = 1, per = "2s" }]')
    async with open_shop(tmp_path, plans) as shop, shop.official() as official:
        await official.chat()
        await official.chat()
        # Neither too early, which would be a second refusal, nor after some guess of its own.
        assert [answer.status_code for answer in official.answered] == [200, 429, 200]
        milliseconds = int(official.answered[1].headers["retry-after-ms"])
        assert 0 < milliseconds <= 2000


@pytest.mark.parametrize(
    ("limit", "period"), [("day_nano", " a day"), ("month_nano", " a month"), ("total_nano", "")]
)
async def test_a_key_that_is_spent_is_refused_until_its_period_ends(
    metered: Shop, limit: str, period: str
) -> None:
    answer = await metered.chat(await metered.key(**{limit: 100 * TOKEN_NANO}))
    error = error_of(answer, 429)
    assert error["code"] == "insufficient_quota"
    assert f"The budget of 0.0001 USD{period} for this API key" in error["message"]
    assert ("retry-after" in answer.headers) == (limit != "total_nano")
    assert answer.headers["x-should-retry"] == "false"
    assert await metered.rows() == []


async def test_a_budget_serves_what_it_is_worth(metered: Shop) -> None:
    # A request takes 8 tokens in the end, and holds at least 116 of them for its prompt.
    key = await metered.key(total_nano=200 * TOKEN_NANO)
    statuses = [(await metered.chat(key)).status_code for _ in range(20)]
    served = statuses.count(200)
    assert statuses == [200] * served + [429] * (20 - served)
    spent = sum(row.charge_nano for row in await metered.rows())
    assert spent == served * 8 * TOKEN_NANO <= 200 * TOKEN_NANO
    # What is left does not pay for one more.
    assert 200 * TOKEN_NANO - spent < 120 * TOKEN_NANO


async def test_a_reply_is_as_long_as_the_budget_bears(metered: Shop) -> None:
    metered.engine.answer = None
    key = await metered.key(total_nano=150 * TOKEN_NANO)
    asking = asyncio.create_task(metered.chat(key, max_tokens=1000))
    call = await metered.engine.called()
    assert call.request.sampling.max_tokens is not None
    assert 1 <= call.request.sampling.max_tokens < 50
    call.end()
    assert (await asking).status_code == 200


async def test_credit_that_is_gone_is_gone(tmp_path: Path) -> None:
    async with open_shop(tmp_path, METERED) as shop:
        answer = await shop.chat()
        assert error_of(answer, 429)["code"] == "insufficient_quota"
        assert "Top it up" in answer.json()["error"]["message"]
        assert answer.headers["x-should-retry"] == "false"
        await shop.credit(shop.ada.caller.payer_id, 10**9)
        assert (await shop.chat()).status_code == 200


@pytest.mark.parametrize("window", [DAY, MONTH, TOTAL])
async def test_a_persons_budget_counts_all_their_keys(metered: Shop, window: Window) -> None:
    budget = Budget(subject_id=metered.ada.caller.user.id, meter=Meter.REQUESTS, window=window, amount=2)
    await metered.house.plans.set_budget(budget)
    keys = [await metered.key() for _ in range(3)]
    assert [(await metered.chat(key)).status_code for key in keys] == [200, 200, 429]
    told = limits_in(await metered.chat())
    assert (told["limit-requests"], told["remaining-requests"]) == ("2", "0")


async def test_a_workspaces_budget_and_rate_are_its_own(limited: Shop) -> None:
    shared = await limited.workspace()
    assert shared.workspace_id is not None
    budget = Budget(subject_id=shared.workspace_id, meter=Meter.REQUESTS, window=DAY, amount=2)
    await limited.house.plans.set_budget(budget)
    key, own = await limited.key(shared), await limited.key()
    statuses = [(await limited.chat(key)).status_code for _ in range(3)]
    assert statuses == [200, 200, 429]
    error = error_of(await limited.chat(key), 429)
    assert "2 requests a day for your workspace" in error["message"]
    # Her own account has used nothing of its 20.
    assert limits_in(await limited.chat(own))["remaining-requests"] == "19"
    assert {row.payer_id for row in await limited.rows()} == {shared.workspace_id, shared.user.id}


async def test_a_plans_rate_counts_whoever_it_pays_for(limited: Shop) -> None:
    keys = [await limited.key() for _ in range(4)]
    answers = [await limited.chat(keys[number % 4]) for number in range(21)]
    assert [answer.status_code for answer in answers] == [200] * 20 + [429]
    assert "20 requests a minute for your plan" in error_of(answers[-1], 429)["message"]


async def test_a_model_that_is_not_in_the_plan_is_forbidden(tmp_path: Path) -> None:
    async with open_shop(tmp_path, LIMITED.replace('models = ["*"]', 'models = ["scripted"]')) as shop:
        assert (await shop.chat()).status_code == 200
        answer = await shop.chat(model="other")
        error = error_of(answer, 403)
        assert (error["code"], error["param"]) == ("model_not_in_plan", "model")
        assert "'other'" in error["message"]
        embedding = await asked(shop, "embeddings")
        assert error_of(embedding, 403)["code"] == "model_not_in_plan"


async def test_a_model_without_a_price_is_refused_by_name_where_it_would_be_charged(
    metered: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    plans = metered.house.plans
    unpriced = replace(plans.book.current, prices=())
    monkeypatch.setattr(plans, "book", SimpleNamespace(current=unpriced))
    answer = await metered.chat()
    error = error_of(answer, 503)
    assert (error["code"], error["param"]) == ("price_missing", "model")
    assert "'scripted'" in error["message"]
    assert answer.headers["x-should-retry"] == "false"
    assert await metered.rows() == []
    assert await _times_asked(metered, metered.ada.key, openai.InternalServerError) == 1


async def test_a_full_queue_says_when_to_come_back(tmp_path: Path) -> None:
    plans = LIMITED + "concurrency = 1\n"
    async with open_shop(tmp_path, plans, max_queued=0) as shop:
        shop.engine.answer = None
        first = asyncio.create_task(shop.chat())
        call = await shop.engine.called()
        answer = await shop.chat()
        assert error_of(answer, 429)["code"] == "overloaded"
        seconds, milliseconds = int(answer.headers["retry-after"]), int(answer.headers["retry-after-ms"])
        assert 0 < milliseconds <= seconds * 1000
        # It took nothing: what it held is given back.
        call.end()
        assert (await first).status_code == 200
        await eventually(lambda: _released(shop, 1), "the refused request to be given back")
        assert limits_in(await asked(shop, "the models"))["remaining-requests"] == "19"


async def test_who_crowds_a_full_queue_is_refused_before_the_books_are_opened(tmp_path: Path) -> None:
    async with open_shop(tmp_path, LIMITED + "concurrency = 1\n", max_queued=1) as shop:
        shop.engine.answer = None
        running = asyncio.create_task(shop.chat())
        call = await shop.engine.called()
        waiting = asyncio.create_task(shop.chat())
        await eventually(lambda: _kept(shop, 2), "the second one to wait")
        assert error_of(await shop.chat(), 429)["code"] == "overloaded"
        assert await _kept(shop, 2)
        call.end()
        (await shop.engine.called()).end()
        assert [(await task).status_code for task in (running, waiting)] == [200, 200]


async def _kept(shop: Shop, number: int) -> bool:
    return len(await shop.rows()) == number


async def _released(shop: Shop, number: int) -> bool:
    return sum(row.state == "released" for row in await shop.rows()) == number


async def test_what_the_policy_refuses_is_forbidden_and_counts_nothing(limited: Shop) -> None:
    policy = '[categories.secret_project]\naction = "refuse"\nphrases = ["blue heron"]\n'
    (limited.house.settings.data / "policy.toml").write_text(policy)

    async def refused() -> httpx2.Response | None:
        # The file is looked at once a second, and twenty requests a minute are allowed.
        await asyncio.sleep(0.2)
        answer = await limited.chat(messages=[{"role": "user", "content": "Tell me of Blue Heron"}])
        return answer if answer.status_code != 200 else None

    answer = await eventually(refused, "the policy to take effect")
    assert answer is not None
    assert error_of(answer, 403)["code"] == "content_refused"
    before = limits_in(await asked(limited, "the models"))
    await refused()
    assert limits_in(await asked(limited, "the models"))["remaining-requests"] == before["remaining-requests"]


async def test_strangers_limits_are_their_own(limited: Shop) -> None:
    accounts = limited.house.accounts
    user = await accounts.create_user(name="Bob", email="bob@example.org", password="seven quiet otters")
    bob = Person(caller=replace(limited.ada.caller, user=user, session_id=None), email="", session="", key="")
    await limited.chat()
    assert limits_in(await limited.chat(await limited.key(bob.caller)))["remaining-requests"] == "19"


async def _times_asked(shop: Shop, key: str, refusal: type[openai.APIStatusError]) -> int:
    """How often the official client asks before it gives up with ``refusal``."""
    async with shop.official(key) as official:
        with pytest.raises(refusal):
            await official.chat()
        return len(official.asked)
