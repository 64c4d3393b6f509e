"""A house in the test's own process, and a client of it."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest_asyncio

from tests.house import OpenHouse, open_house


@pytest_asyncio.fixture
async def opened(tmp_path: Path) -> AsyncGenerator[OpenHouse]:
    async with open_house(tmp_path) as opened:
        yield opened
