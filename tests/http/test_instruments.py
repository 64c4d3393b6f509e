"""The owner's instruments on a running server: metrics, health, logs."""

import json
import os
import signal
import subprocess

import httpx2
from prometheus_client.parser import text_string_to_metric_families

from tests.server import Server, StartServer
from tests.waiting import wait_for

PROMPT = "Xylophones quietly bewilder Wolfgang"
MODEL = "smollm2-135m-instruct"


def samples(server: Server) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    text = httpx2.get(f"{server.url}/metrics").text
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def value(found: dict[tuple[str, frozenset[tuple[str, str]]], float], name: str, **labels: str) -> float:
    return found.get((name, frozenset(labels.items())), 0.0)


def chat(server: Server, **changes: object) -> httpx2.Response:
    body = {"model": "default", "messages": [{"role": "user", "content": PROMPT}], "max_tokens": 5} | changes
    return httpx2.post(
        f"{server.url}/v1/chat/completions",
        json=body,
        headers={"authorization": f"Bearer {server.key}"},
        timeout=60,
    )


def test_metrics_count_what_is_asked_and_what_it_takes(server: Server) -> None:
    before = samples(server)
    usage = chat(server, ignore_eos=True).json()["usage"]
    assert httpx2.get(f"{server.url}/no/such/page").status_code == 404
    assert httpx2.get(f"{server.url}/api/conversations/conv_x").status_code == 401
    after = samples(server)

    def more(name: str, **labels: str) -> float:
        return value(after, name, **labels) - value(before, name, **labels)

    assert more("causette_tokens_total", model=MODEL, meter="input") >= usage["prompt_tokens"]
    assert more("causette_tokens_total", model=MODEL, meter="output") >= usage["completion_tokens"] == 5
    assert more("causette_time_to_first_token_seconds_count", model=MODEL) >= 1
    assert more("causette_time_per_output_token_seconds_count", model=MODEL) >= 1
    assert more("causette_queue_seconds_count", model=MODEL) >= 1
    assert more("causette_compute_seconds_total", model=MODEL) > 0
    assert more("causette_generations_total", model=MODEL, outcome="completed") >= 1
    assert (
        more("causette_http_requests_total", method="POST", route="/v1/chat/completions", status="200") >= 1
    )
    # Paths that strangers make up are one series, and ids none.
    assert more("causette_http_requests_total", method="GET", route="(none)", status="404") == 1
    assert (
        more(
            "causette_http_requests_total",
            method="GET",
            route="/api/conversations/{conversation_id}",
            status="401",
        )
        == 1
    )
    assert value(after, "causette_engine_up", model=MODEL) == 1
    names = {name for name, _ in after}
    assert {"causette_engine_queue", "causette_engine_cache_usage"} <= names


def test_health_and_readiness_and_restarts_tell_the_engines_life(start_server: StartServer) -> None:
    server = start_server(wait_until_ready=False)
    assert httpx2.get(f"{server.url}/healthz").json() == {"status": "ok"}
    starting = httpx2.get(f"{server.url}/readyz")
    assert (starting.status_code, starting.json()) == (503, {"status": "starting"})

    def ready() -> bool:
        return httpx2.get(f"{server.url}/readyz").status_code == 200

    wait_for(ready, "the engine to be ready", seconds=60)
    assert value(samples(server), "causette_engine_restarts_total", model=MODEL) == 0
    engine = text_engine_of(server)
    os.kill(engine, signal.SIGKILL)

    def restarted() -> bool:
        return value(samples(server), "causette_engine_restarts_total", model=MODEL) == 1 and ready()

    wait_for(restarted, "the engine to be started again", seconds=60)
    assert chat(server).status_code == 200


def test_logs_are_json_with_ids_and_without_prompts_or_keys(server: Server) -> None:
    answer = chat(server)
    refused = chat(server, temperature=3)
    assert (answer.status_code, refused.status_code) == (200, 400)
    wait_for(lambda: refused.headers["x-request-id"] in server.log, "the requests to be logged")
    lines = [json.loads(line) for line in server.log.splitlines()]
    mine = [line for line in lines if line.get("request_id") == answer.headers["x-request-id"]]
    assert [(line["event"], line["path"], line["status"]) for line in mine] == [
        ("request", "/v1/chat/completions", 200)
    ]
    assert mine[0]["ms"] > 0
    said = answer.json()["choices"][0]["message"]["content"].strip()
    for secret in (PROMPT, said, server.key, server.owner_password):
        assert secret not in server.log


def text_engine_of(server: Server) -> int:
    """The process id of the server's text engine."""
    listed = subprocess.run(
        ["ps", "-o", "pid=,args=", "--ppid", str(server.pid)], capture_output=True, text=True, check=True
    )
    (engine,) = (line for line in listed.stdout.splitlines() if "causette.engines.embedded text" in line)
    return int(engine.split()[0])
