"""The official client of OpenAI's API, against a real server with a real model."""

from collections.abc import AsyncGenerator, Generator

import httpx2
import openai
import pytest
import pytest_asyncio

from tests.server import Server


@pytest.fixture(scope="session")
def client(server: Server) -> Generator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key=server.key, max_retries=0) as client:
        yield client


@pytest_asyncio.fixture
async def async_client(server: Server) -> AsyncGenerator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(base_url=f"{server.url}/v1", api_key=server.key, max_retries=0) as client:
        yield client


@pytest.fixture(scope="session")
def http(server: Server) -> Generator[httpx2.Client]:
    """Plain HTTP with a good key, for what the official client would not send or hides."""
    with httpx2.Client(
        base_url=server.url, headers={"authorization": f"Bearer {server.key}"}, timeout=60
    ) as client:
        yield client
