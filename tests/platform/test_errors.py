"""What can go wrong on ``/v1``: each in OpenAI's envelope, with the parameter's name and what to do."""

import json
import os
from typing import Any

import httpx2
import openai
import pytest

from tests.server import Server, run_cli

CHAT: dict[str, Any] = {"model": "default", "messages": [{"role": "user", "content": "Hello"}]}
TEXT: dict[str, Any] = {"model": "default", "prompt": "Hello"}
VECTOR: dict[str, Any] = {"model": "embedding", "input": "Hello"}


def error_of(answer: httpx2.Response, status: int) -> dict[str, Any]:
    """The error, after the envelope has been checked."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-request-id"]
    body = answer.json()
    assert set(body) == {"error"}
    assert set(body["error"]) == {"message", "type", "param", "code"}
    assert body["error"]["message"]
    return body["error"]


@pytest.mark.parametrize("authorization", [None, "", "Bearer", "Basic abc", "Bearer sk-causette-no"])
def test_without_a_good_key_there_is_nothing(server: Server, authorization: str | None) -> None:
    headers = {} if authorization is None else {"authorization": authorization}
    for method, path in (("GET", "/v1/models"), ("POST", "/v1/chat/completions")):
        error = error_of(httpx2.request(method, server.url + path, headers=headers, json=CHAT), 401)
        assert error["type"] == "authentication_error"
        assert error["code"] == ("not_authenticated" if authorization is None else "invalid_api_key")


def test_the_official_client_sees_a_bad_key_as_one(server: Server) -> None:
    with (
        openai.OpenAI(base_url=f"{server.url}/v1", api_key="sk-causette-no", max_retries=0) as client,
        pytest.raises(openai.AuthenticationError) as caught,
    ):
        client.models.list()
    assert caught.value.code == "invalid_api_key"


def test_a_revoked_key_is_refused_from_the_next_request_on(server: Server) -> None:
    made = run_cli(
        *("keys", "create", "--owner-email", server.owner_email, "--name", "short-lived", "--json"),
        *("--data", str(server.data)),
        env=dict(os.environ),
    )
    key = json.loads(made.stdout)
    headers = {"authorization": f"Bearer {key['secret']}"}
    assert httpx2.get(f"{server.url}/v1/models", headers=headers).status_code == 200
    revoked = run_cli("keys", "revoke", key["id"], "--data", str(server.data), env=dict(os.environ))
    assert revoked.returncode == 0, revoked.stderr
    error = error_of(httpx2.get(f"{server.url}/v1/models", headers=headers), 401)
    assert error["code"] == "invalid_api_key"


def test_an_unknown_model_is_not_found_and_the_next_best_name_is_offered(
    http: httpx2.Client, client: openai.OpenAI
) -> None:
    error = error_of(http.post("/v1/chat/completions", json=CHAT | {"model": "smollm2-135m"}), 404)
    assert (error["code"], error["param"]) == ("model_not_found", "model")
    assert "'smollm2-135m-instruct'" in error["message"]
    error = error_of(http.post("/v1/embeddings", json=VECTOR | {"model": "gpt-4o"}), 404)
    assert "all-minilm-l6-v2" in error["message"]
    assert error_of(http.get("/v1/models/org/gpt-4o"), 404)["code"] == "model_not_found"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("gpt-4o")


def test_a_model_that_does_other_work_is_refused(http: httpx2.Client) -> None:
    error = error_of(http.post("/v1/chat/completions", json=CHAT | {"model": "embedding"}), 400)
    assert (error["code"], error["param"]) == ("wrong_model_kind", "model")
    error = error_of(http.post("/v1/embeddings", json=VECTOR | {"model": "default"}), 400)
    assert error["code"] == "wrong_model_kind"


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"temperature": -0.1}, "temperature"),
        ({"temperature": 2.1}, "temperature"),
        ({"temperature": "hot"}, "temperature"),
        ({"top_p": 1.1}, "top_p"),
        ({"presence_penalty": -2.1}, "presence_penalty"),
        ({"frequency_penalty": 2.1}, "frequency_penalty"),
        ({"repetition_penalty": 0}, "repetition_penalty"),
        ({"min_p": 2}, "min_p"),
        ({"top_k": 0}, "top_k"),
        ({"top_k": 2**31}, "top_k"),
        ({"n": 0}, "n"),
        ({"n": 17}, "n"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": 10**30}, "max_tokens"),
        ({"max_completion_tokens": -1}, "max_completion_tokens"),
        ({"seed": 2**63}, "seed"),
        ({"seed": 1.5}, "seed"),
        ({"stop": ["a"] * 5}, "stop"),
        ({"stop": ""}, "stop"),
        ({"stop": 5}, "stop"),
        ({"stop": [5]}, "stop[0]"),
        ({"stream": "perhaps"}, "stream"),
        ({"stream_options": {"include_usage": True}}, "stream_options"),
        ({"stream": True, "stream_options": {"include": 1}}, "stream_options.include"),
        ({"logprobs": True, "top_logprobs": 21}, "top_logprobs"),
        ({"top_logprobs": 2}, "top_logprobs"),
        ({"logit_bias": {"50256": -100}}, "logit_bias"),
        ({"model": ""}, "model"),
        ({"model": None}, "model"),
        ({"messages": []}, "messages"),
        ({"messages": "Hello"}, "messages"),
        ({"messages": [{"role": "narrator", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user", "content": 5}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, "messages[0].content[0].text"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]},
            "messages[0].content[0].image_url.url",
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "input_audio", "input_audio": {}}]}]},
            "messages[0].content",
        ),
        ({"messages": [{"role": "user", "content": "\ud800"}]}, "messages[0].content"),
        ({"response_format": {"type": "xml"}}, "response_format.type"),
        ({"response_format": {"type": "json_schema"}}, "response_format"),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"name": "a b", "schema": {}}}},
            "response_format.json_schema.name",
        ),
        (
            {
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"name": "a", "schema": {"title": "\ud800"}},
                }
            },
            "response_format.json_schema.schema",
        ),
        ({"modalities": ["audio"]}, "modalities[0]"),
    ],
)
def test_a_chats_wrong_parameter_is_named(http: httpx2.Client, changes: dict[str, Any], param: str) -> None:
    answer = http.post(
        "/v1/chat/completions",
        content=json.dumps(CHAT | changes),
        headers={"content-type": "application/json"},
    )
    error = error_of(answer, 400)
    assert (error["type"], error["param"]) == ("invalid_request_error", param)


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        ("completions", TEXT | {"prompt": 5}, "prompt"),
        ("completions", TEXT | {"prompt": []}, "prompt"),
        ("completions", TEXT | {"prompt": [1, 2, 3]}, "prompt"),
        ("completions", TEXT | {"prompt": ["x"] * 17}, "prompt"),
        ("completions", TEXT | {"logprobs": 6}, "logprobs"),
        ("completions", TEXT | {"best_of": 3}, "best_of"),
        ("completions", TEXT | {"suffix": "x"}, "suffix"),
        ("embeddings", VECTOR | {"input": ""}, "input"),
        ("embeddings", VECTOR | {"input": ["a", ""]}, "input"),
        ("embeddings", VECTOR | {"input": [1, 2]}, "input"),
        ("embeddings", VECTOR | {"input": ["x"] * 2049}, "input"),
        ("embeddings", VECTOR | {"dimensions": 0}, "dimensions"),
        ("embeddings", VECTOR | {"encoding_format": "hex"}, "encoding_format"),
    ],
)
def test_the_other_surfaces_name_theirs(
    http: httpx2.Client, path: str, body: dict[str, Any], param: str
) -> None:
    assert error_of(http.post(f"/v1/{path}", json=body), 400)["param"] == param


def test_a_missing_parameter_is_named(http: httpx2.Client) -> None:
    error = error_of(http.post("/v1/chat/completions", json={"model": "default"}), 400)
    assert (error["code"], error["param"]) == ("missing_required_parameter", "messages")


def test_parameters_are_refused_by_name_rather_than_ignored(http: httpx2.Client) -> None:
    error = error_of(http.post("/v1/chat/completions", json=CHAT | {"temprature": 1}), 400)
    assert (error["code"], error["param"]) == ("unknown_parameter", "temprature")
    error = error_of(http.post("/v1/chat/completions", json=CHAT | {"tools": []}), 400)
    assert (error["code"], error["param"]) == ("unsupported_parameter", "tools")


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "missing_required_parameter"),
        (b"{", "invalid_json"),
        (b'{"model": "\xff"}', None),
        (b"[" * 100_000, None),
        (b"[]", "invalid_value"),
        (b"5", "invalid_value"),
    ],
)
def test_a_malformed_body_is_the_callers_mistake(
    http: httpx2.Client, content: bytes, code: str | None
) -> None:
    headers = {"content-type": "application/json"}
    error = error_of(http.post("/v1/chat/completions", content=content, headers=headers), 400)
    assert (error["type"], error["code"]) == ("invalid_request_error", code)


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", None])
def test_only_json_is_read(http: httpx2.Client, content_type: str | None) -> None:
    headers = {} if content_type is None else {"content-type": content_type}
    answer = http.post("/v1/chat/completions", content=json.dumps(CHAT), headers=headers)
    error = error_of(answer, 415)
    assert (error["type"], error["code"]) == ("invalid_request_error", "unsupported_content_type")


def test_a_body_that_is_too_large_is_refused_declared_or_not(http: httpx2.Client) -> None:
    def pieces() -> Any:
        for _ in range(9):
            yield b"x" * 2**20

    headers = {"content-type": "application/json"}
    for content in (b"x" * (8 * 2**20 + 1), pieces()):
        error = error_of(http.post("/v1/chat/completions", content=content, headers=headers), 413)
        assert (error["type"], error["code"]) == ("invalid_request_error", "body_too_large")
    assert http.get("/healthz").status_code == 200


@pytest.mark.parametrize("stream", [False, True])
def test_a_prompt_longer_than_the_context_is_told_so(http: httpx2.Client, stream: bool) -> None:
    messages = [{"role": "user", "content": "word " * 10_000}]
    body = CHAT | {"messages": messages, "stream": stream}
    error = error_of(http.post("/v1/chat/completions", json=body), 400)
    assert (error["code"], error["param"]) == ("context_length_exceeded", "messages")
    body = TEXT | {"prompt": "word " * 10_000, "stream": stream, "echo": True}
    assert error_of(http.post("/v1/completions", json=body), 400)["code"] == "context_length_exceeded"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/nowhere", 404),
        ("POST", "/v1/responses/x", 404),
        ("GET", "/v1/", 404),
        ("PUT", "/v1/models", 405),
        ("GET", "/v1/chat/completions", 405),
        ("DELETE", "/v1/embeddings", 405),
    ],
)
def test_a_route_or_method_that_does_not_exist_is_said_in_the_same_envelope(
    http: httpx2.Client, method: str, path: str, status: int
) -> None:
    answer = http.request(method, path)
    error = error_of(answer, status)
    assert error["type"] == "invalid_request_error"
    assert path in error["message"]
    assert ("allow" in answer.headers) == (status == 405)
