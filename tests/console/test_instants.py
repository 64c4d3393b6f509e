"""Spans of time that the books cannot have."""

from pathlib import Path

import pytest

from tests.house import open_house


@pytest.mark.parametrize(
    "end", ["9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00", "0001-01-02T00:00:00Z"]
)
async def test_a_time_that_no_books_are_of_is_refused_by_its_name(tmp_path: Path, end: str) -> None:
    async with open_house(tmp_path) as opened:
        ada = await opened.person("ada")
        answer = await opened.client.get("/api/usage", params={"to": end}, headers=ada.cookie)
        assert (answer.status_code, [error["field"] for error in answer.json()["errors"]]) == (422, ["to"])
