"""Who may read the metrics: this machine, and whoever has the token."""

from pathlib import Path

import httpx2
import pytest
from pydantic import ValidationError

from causette.settings import Settings
from tests.house import open_house

TOKEN = "a-token-of-some-length"


async def status(folder: Path, address: str, authorization: str | None, **settings: object) -> int:
    """What ``/metrics`` answers a client at ``address``."""
    headers = {} if authorization is None else {"authorization": authorization.encode("latin-1")}
    async with open_house(folder, **settings) as opened:
        transport = httpx2.ASGITransport(app=opened.app, client=(address, 1234))
        async with httpx2.AsyncClient(transport=transport, base_url="http://house") as client:
            answer = await client.get("/metrics", headers=headers)
    assert ("causette_" in answer.text) == (answer.status_code == 200)
    return answer.status_code


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.8.8", "::1"])
async def test_this_machine_needs_no_token(tmp_path: Path, address: str) -> None:
    assert await status(tmp_path, address, None, metrics_token=TOKEN) == 200


@pytest.mark.parametrize("scheme", ["Bearer", "bearer"])
async def test_another_machine_needs_the_token(tmp_path: Path, scheme: str) -> None:
    assert await status(tmp_path, "192.0.2.1", f"{scheme} {TOKEN}", metrics_token=TOKEN) == 200


@pytest.mark.parametrize(
    "authorization", [None, "", "Bearer", "Bearer ", f"Bearer {TOKEN}x", f"Basic {TOKEN}", TOKEN, "Bearer é"]
)
async def test_without_it_another_machine_learns_nothing(tmp_path: Path, authorization: str | None) -> None:
    assert await status(tmp_path, "192.0.2.1", authorization, metrics_token=TOKEN) == 401


@pytest.mark.parametrize("authorization", [None, "Bearer ", "Bearer None"])
async def test_where_there_is_no_token_no_other_machine_has_it(
    tmp_path: Path, authorization: str | None
) -> None:
    assert await status(tmp_path, "2001:db8::1", authorization) == 401


def test_a_token_that_can_be_guessed_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="metrics_token"):
        Settings.model_validate({"data": tmp_path, "metrics_token": "short"})
