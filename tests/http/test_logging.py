"""How logs are written, whoever writes them."""

import json
import subprocess
import sys

import pytest

PROGRAM = """
import logging, sys
import structlog
from causette.observability import configure_logging, request_id
from causette.settings import Settings

configure_logging(Settings(log_format=sys.argv[1]))
request_id.set("req_1")
log = structlog.get_logger("test")
try:
    prompt = "-".join(("what", "they", "asked"))
    raise ValueError("no good")
except ValueError:
    log.exception("it failed", model="default")
logging.getLogger("some.library").warning("careful with %s", "that")
logging.getLogger("some.library").info("chatter")
log.debug("details")
"""


@pytest.fixture(params=["json", "console"])
def log(request: pytest.FixtureRequest) -> tuple[str, str]:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, request.param], capture_output=True, text=True, check=True
    )
    assert done.stdout == ""
    return request.param, done.stderr


def test_an_error_shows_where_it_happened_but_no_variables(log: tuple[str, str]) -> None:
    _, written = log
    assert "ValueError: no good" in written
    assert "what-they-asked" not in written
    assert "details" not in written


def test_libraries_warn_in_the_same_form_and_do_not_chatter(log: tuple[str, str]) -> None:
    form, written = log
    assert "chatter" not in written
    if form == "console":
        assert "careful with that" in written
        return
    failed, warned = (json.loads(line) for line in written.splitlines())
    assert (failed["event"], failed["level"], failed["request_id"]) == ("it failed", "error", "req_1")
    assert (warned["event"], warned["level"]) == ("careful with that", "warning")
    assert warned["logger"] == "some.library"
    assert failed["timestamp"].endswith("Z")
