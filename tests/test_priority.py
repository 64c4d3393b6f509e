"""Giving way, to processes of other sessions as well."""

import subprocess
import sys
from pathlib import Path

import pytest

_GROUPED = Path("/proc/sys/kernel/sched_autogroup_enabled")

#: Gives way and begins a process in a session of its own, which says how nice both are.
_NESTED = """
import subprocess, sys
from causette.priority import give_way
give_way(7)
saying = "from causette.priority import give_way; import os; give_way(); print(os.nice(0)); "
saying += "print(open('/proc/self/autogroup').read().split()[-1])"
print(open('/proc/self/autogroup').read().split()[-1])
subprocess.run([sys.executable, "-c", saying], check=True, start_new_session=True)
"""


@pytest.mark.skipif(
    not _GROUPED.is_file() or _GROUPED.read_text().strip() != "1", reason="sessions are not grouped here"
)
def test_a_session_and_those_that_it_begins_give_way() -> None:
    said = subprocess.run(
        [sys.executable, "-u", "-c", _NESTED],
        check=True,
        capture_output=True,
        text=True,
        start_new_session=True,
    )
    assert said.stdout.split() == ["7", "7", "7"]


def test_who_does_not_give_way_stays_as_it_is() -> None:
    saying = "import os; from causette.priority import give_way; give_way(); print(os.nice(0))"
    before = subprocess.run(
        [sys.executable, "-c", "import os; print(os.nice(0))"], check=True, capture_output=True, text=True
    )
    after = subprocess.run([sys.executable, "-c", saying], check=True, capture_output=True, text=True)
    assert after.stdout == before.stdout
