"""The embedded engine dies with its server, and what it made is charged all the same."""

import sqlite3
from itertools import islice

import httpx2

from tests.server import Server, StartServer, run_cli
from tests.waiting import wait_for

#: More than is written before the server is killed.
ASKED = {
    "model": "default",
    "messages": [{"role": "user", "content": "Tell me everything."}],
    "stream": True,
    "max_tokens": 4000,
    "ignore_eos": True,
    "temperature": 0,
}


def ended(server: Server) -> list[tuple[object, ...]]:
    """How the requests ended that are not held any more."""
    connection = sqlite3.connect(f"file:{server.data / 'causette.sqlite3'}?mode=ro", uri=True)
    try:
        return connection.execute(
            "SELECT outcome, usage_source, input_tokens, output_tokens, compute_ns, charge_nano "
            "FROM ledger_requests WHERE state = 'settled'"
        ).fetchall()
    finally:
        connection.close()


def test_what_was_made_for_a_request_is_charged_though_server_and_engine_died(
    start_server: StartServer,
) -> None:
    first = start_server()
    with (
        httpx2.Client(base_url=first.url, headers={"authorization": f"Bearer {first.key}"}) as client,
        client.stream("POST", "/v1/chat/completions", json=ASKED) as response,
    ):
        heard = sum(line.startswith("data: ") for line in islice(response.iter_lines(), 60))
        first.kill()
    assert ended(first) == []
    second = start_server(data=first.data)
    ((outcome, source, input_tokens, output_tokens, compute_ns, _),) = wait_for(
        lambda: ended(second), "the request to be swept", seconds=40
    )
    assert (outcome, source) == ("orphaned", "record")
    assert input_tokens > 10
    # All that was heard, but for the opening; and what was made until the engine noticed.
    assert output_tokens >= heard - 1 >= 20
    assert compute_ns > 0
    checked = run_cli("ledger", "verify", "--data", str(second.data), env={"PATH": "/usr/bin:/bin"})
    assert checked.returncode == 0, checked.stdout
