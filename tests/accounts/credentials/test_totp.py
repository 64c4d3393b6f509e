from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from causette.accounts.credentials import totp

SECRET = b"12345678901234567890"


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (59, "94287082"),
        (1111111109, "07081804"),
        (1111111111, "14050471"),
        (1234567890, "89005924"),
        (2000000000, "69279037"),
        (20000000000, "65353130"),
    ],
)
def test_the_codes_are_those_of_rfc_6238(seconds: int, expected: str) -> None:
    assert totp.code(SECRET, totp.step_at(datetime.fromtimestamp(seconds, UTC)), digits=8) == expected


@pytest.mark.parametrize(
    ("counter", "expected"),
    enumerate(["755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583"]),
)
def test_the_codes_are_those_of_rfc_4226(counter: int, expected: str) -> None:
    assert totp.code(SECRET, counter) == expected


@pytest.mark.parametrize(("off", "accepted"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_a_clock_may_be_off_by_one_step(off: int, accepted: bool) -> None:
    now = datetime(2026, 3, 1, 12, tzinfo=UTC)
    typed = totp.code(SECRET, totp.step_at(now + timedelta(seconds=30 * off)))
    assert (totp.matching_step(SECRET, typed, now) is not None) == accepted


@pytest.mark.parametrize("typed", ["", "75522", "7552244", "٧٥٥٢٢٤", "\x00" * 6])
def test_what_is_no_code_matches_nothing(typed: str) -> None:
    assert totp.matching_step(SECRET, typed, datetime(1970, 1, 1, 0, 1, tzinfo=UTC)) is None


def test_the_uri_says_whose_and_how() -> None:
    parts = urlsplit(totp.uri(SECRET, account="ada+x@example.org", issuer="Causette"))
    assert (parts.scheme, parts.netloc, parts.path) == ("otpauth", "totp", "/Causette:ada%2Bx@example.org")
    assert parse_qs(parts.query) == {
        "secret": ["GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"],
        "issuer": ["Causette"],
        "algorithm": ["SHA1"],
        "digits": ["6"],
        "period": ["30"],
    }
