"""What every request passes through: guards, limits, headers, and errors as problem details."""

import re
from collections.abc import AsyncGenerator

import httpx2
import pytest
from fastapi import FastAPI
from structlog.testing import capture_logs
from structlog.typing import EventDict

from causette.app import app_of
from causette.observability import request_id
from tests.house import PASSWORD, OpenHouse

SIGN_IN = {"email": "ada@example.org", "password": PASSWORD}


async def test_no_answer_of_the_api_is_kept_by_a_browser_or_a_proxy(opened: OpenHouse) -> None:
    ada = await opened.person("ada")
    shown: list[tuple[str, str, dict[str, str] | None]] = [
        ("POST", "/api/keys", {"name": "x"}),
        ("POST", "/api/user/totp", {}),
        ("GET", "/api/session", None),
        ("GET", "/api/nothing", None),
        ("POST", "/api/password-reset/confirm", {"token": "x", "password": PASSWORD}),
    ]
    for method, path, body in shown:
        answer = await opened.client.request(method, path, json=body, headers=ada.cookie)
        assert answer.headers.get_list("cache-control") == ["no-store"], path


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        # A neighbour under the same domain is a stranger, too.
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "cross-site", "origin": "http://house"},
        {"sec-fetch-site": "cross-site", "authorization": "Bearer x", "cookie": "causette_session=x"},
        {"origin": "https://evil.example"},
        {"origin": "http://house.evil.example"},
        {"origin": "http://house:8080"},
        {"origin": "null"},
    ],
)
@pytest.mark.parametrize("method", ["POST", "PATCH", "PUT", "DELETE"])
async def test_what_another_site_makes_a_browser_send_is_refused(
    opened: OpenHouse, headers: dict[str, str], method: str
) -> None:
    answer = await opened.client.request(method, "/api/session", headers=headers)
    assert answer.status_code == 403
    assert answer.json()["code"] == "cross_site_request"
    on_v1 = await opened.client.request(method, "/v1/embeddings", headers=headers)
    assert on_v1.status_code == 403
    assert on_v1.json()["error"]["code"] == "cross_site_request"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"sec-fetch-site": "same-origin"},
        {"sec-fetch-site": "none"},
        {"origin": "http://house"},
        {"origin": "https://house"},
    ],
)
async def test_what_its_own_pages_and_programs_send_is_taken(
    opened: OpenHouse, headers: dict[str, str]
) -> None:
    await opened.person("ada")
    answer = await opened.client.post("/api/session", json=SIGN_IN, headers=headers)
    assert answer.status_code == 201


async def test_a_key_needs_no_guard_because_no_browser_adds_it(opened: OpenHouse) -> None:
    ada = await opened.person("ada")
    answer = await opened.client.post(
        "/v1/embeddings",
        json={"model": "embedding", "input": "x"},
        headers=ada.bearer | {"origin": "https://their-app.example", "sec-fetch-site": "cross-site"},
    )
    assert answer.status_code == 200


async def test_reading_is_not_changing(opened: OpenHouse) -> None:
    answer = await opened.client.get("/api/bootstrap", headers={"sec-fetch-site": "cross-site"})
    assert answer.status_code == 200


@pytest.mark.parametrize("path", ["/api/bootstrap", "/api/nowhere", "/v1/models", "/healthz", "/metrics"])
async def test_every_answer_has_an_id_and_the_safety_headers(opened: OpenHouse, path: str) -> None:
    answer = await opened.client.get(path)
    assert re.fullmatch(r"req_[0-9A-Za-z]{22}", answer.headers["x-request-id"])
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["referrer-policy"] == "same-origin"
    assert answer.headers["cross-origin-opener-policy"] == "same-origin"
    assert "access-control-allow-origin" not in answer.headers


async def test_errors_are_problem_details(opened: OpenHouse) -> None:
    answer = await opened.client.get("/api/conversations")
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert set(body) == {"type", "title", "status", "detail", "code"}
    assert (body["title"], body["status"], body["code"]) == ("Not signed in", 401, "not_authenticated")


async def test_a_problem_names_the_fields_that_need_correcting(opened: OpenHouse) -> None:
    ada = await opened.person("ada")
    wrong_shape = await opened.client.post("/api/conversations", json={"text": "x"}, headers=ada.cookie)
    assert wrong_shape.status_code == 422
    assert {error["field"] for error in wrong_shape.json()["errors"]} == {"content", "text"}
    wrong_value = await opened.client.post("/api/conversations", json={"content": " "}, headers=ada.cookie)
    assert wrong_value.status_code == 422
    assert wrong_value.json()["errors"] == [{"field": "content", "message": "The message is empty."}]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/api/nowhere", 404), ("PUT", "/api/conversations", 405), ("POST", "/api/", 404)],
)
async def test_what_does_not_exist_is_a_problem_not_a_page(
    opened: OpenHouse, method: str, path: str, status: int
) -> None:
    answer = await opened.client.request(method, path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert path in answer.json()["detail"]


async def test_only_json_is_read(opened: OpenHouse) -> None:
    ada = await opened.person("ada")
    answer = await opened.client.post(
        "/api/conversations", content='{"content": "x"}', headers=ada.cookie | {"content-type": "text/plain"}
    )
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_content_type")


@pytest.mark.parametrize("last_event_id", ["-1", "x", str(2**31), str(10**30)])
async def test_a_place_no_log_has_is_refused(opened: OpenHouse, last_event_id: str) -> None:
    ada = await opened.person("ada")
    answer = await opened.client.get(
        "/api/generations/gen_x/events", headers=ada.cookie | {"last-event-id": last_event_id}
    )
    assert answer.status_code == 422


@pytest.mark.parametrize("declared", [True, False])
async def test_a_body_that_is_too_large_is_refused_in_the_surfaces_own_words(
    opened: OpenHouse, declared: bool
) -> None:
    ada = await opened.person("ada")

    async def pieces() -> AsyncGenerator[bytes]:
        for _ in range(9):
            yield b" " * 2**20

    content = b" " * (9 * 2**20) if declared else pieces()
    headers = ada.cookie | ada.bearer | {"content-type": "application/json"}
    answer = await opened.client.post("/api/conversations", content=content, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
    content = b" " * (9 * 2**20) if declared else pieces()
    answer = await opened.client.post("/v1/completions", content=content, headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "body_too_large")


async def test_a_length_that_is_no_number_is_no_crash(opened: OpenHouse) -> None:
    for length in (b"many", b"-1", "²".encode("latin-1")):
        answer = await opened.client.post("/api/session", headers={b"content-length": length})
        assert answer.status_code == 413


async def test_what_nobody_foresaw_is_answered_and_logged_under_the_requests_id(opened: OpenHouse) -> None:
    app: FastAPI = app_of(opened.house)

    async def broken() -> None:
        raise RuntimeError("a bug")

    app.add_api_route("/api/broken", broken)
    app.add_api_route("/v1/broken", broken)
    transport = httpx2.ASGITransport(app=app)
    with capture_logs([merge_request_id]) as logs:
        async with httpx2.AsyncClient(transport=transport, base_url="http://house") as client:
            problem = await client.get("/api/broken", headers={"x-request-id": "find-me"})
            error = await client.get("/v1/broken")
    assert (problem.status_code, problem.json()["code"]) == (500, "internal_error")
    assert problem.headers["x-request-id"] == "find-me"
    assert problem.headers["x-frame-options"] == "DENY"
    assert (error.status_code, error.json()["error"]["type"]) == (500, "server_error")
    assert "a bug" not in problem.text + error.text
    failed = [line for line in logs if line["event"] == "request failed"]
    assert [line["request_id"] for line in failed] == ["find-me", error.headers["x-request-id"]]
    assert [line["status"] for line in logs if line["event"] == "request"] == [500, 500]


def merge_request_id(_: object, __: str, event: EventDict) -> EventDict:
    return event | {"request_id": request_id.get()}
