"""What ended requests took can be asked for: by whoever lost their stream, and while they are just ending."""

import asyncio

from causette.engines.embedded.records import Records
from causette.engines.types import Completed, Usage


def took(tokens: int) -> Completed:
    return Completed(Usage(output_tokens=tokens))


async def test_whoever_asks_while_a_request_is_ending_gets_its_final_account():
    records = Records()
    end = records.begin("req_1")
    asked = asyncio.create_task(records.find("req_1", patience=10))
    await asyncio.sleep(0)
    assert not asked.done()
    records.end("req_1", end, took(3))
    assert await asked == await records.find("req_1") == took(3)


async def test_a_request_that_goes_on_is_not_waited_for_long_and_has_no_account():
    records = Records()
    records.begin("req_1")
    assert await records.find("req_1", patience=0.01) is None
    assert await records.find("req_2") is None


async def test_an_account_is_written_once():
    records = Records()
    end = records.begin("req_1")
    records.end("req_1", end, took(3))
    records.end("req_1", end, took(4))
    assert await records.find("req_1") == took(3)


async def test_an_id_that_is_used_again_means_the_newer_request():
    records = Records()
    first, second = records.begin("req_1"), records.begin("req_1")
    records.end("req_1", first, took(1))
    assert await records.find("req_1", patience=0.01) is None
    records.end("req_1", second, took(2))
    assert await records.find("req_1") == took(2)


async def test_the_oldest_accounts_make_room():
    records = Records(size=2)
    for number in range(3):
        records.end(f"req_{number}", records.begin(f"req_{number}"), took(number))
    assert [await records.find(f"req_{number}") for number in range(3)] == [None, took(1), took(2)]


async def test_requests_without_an_id_are_not_mixed_up():
    records = Records()
    records.end("", records.begin(""), took(1))
    assert await records.find("") is None
