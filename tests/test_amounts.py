import pytest
from hypothesis import given
from hypothesis import strategies as st

from causette.amounts import decimals_of, dollars_of, nano_of, shown, whole_units


@pytest.mark.parametrize(
    ("text", "decimals", "units"),
    [
        ("20", 2, 2000),
        ("20.00", 2, 2000),
        ("0.15", 9, 150_000_000),
        ("0.000000001", 9, 1),
        ("20.00000", 2, 2000),
        ("7", 0, 7),
    ],
)
def test_an_amount_is_exact(text: str, decimals: int, units: int) -> None:
    assert whole_units(text, decimals) == units


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("0.0000000001", "more than 9 decimals"),
        ("0.1000000000000000000000000000000000000001", "more than 9 decimals"),
        ("-1", "not an amount"),
        ("1e3", "not an amount"),
        ("1,50", "not an amount"),
        ("", "not an amount"),
        ("NaN", "not an amount"),
        ("٣", "not an amount"),
        ("1234567890", "not an amount"),
    ],
)
def test_what_is_no_exact_amount_is_refused(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        whole_units(text, 9)


@given(st.integers(0, 10**11 - 1), st.sampled_from(["USD", "JPY", "KWD"]))
def test_what_is_shown_is_read_back(units: int, currency: str) -> None:
    decimals = decimals_of(currency)
    if units < 10 ** (9 + decimals):
        assert whole_units(shown(units, decimals), decimals) == units


def test_a_credit_shows_its_sign() -> None:
    assert shown(-5, 2) == "-0.05"


@pytest.mark.parametrize(
    ("dollars", "nano", "written"),
    [
        ("0", 0, "0.00"),
        ("20", 20 * 10**9, "20.00"),
        ("0.1", 10**8, "0.10"),
        ("0.000000001", 1, "0.000000001"),
        ("999999999.999999999", 10**18 - 1, "999999999.999999999"),
    ],
)
def test_dollars_are_exact(dollars: str, nano: int, written: str) -> None:
    assert nano_of(dollars) == nano
    assert dollars_of(nano) == written
    assert nano_of(written) == nano


@pytest.mark.parametrize("dollars", ["", "-1", "1e3", ".5", "5.", "1,5", "1000000000", "٣", "1\n"])
def test_what_are_no_dollars_is_refused(dollars: str) -> None:
    with pytest.raises(ValueError, match="not an amount"):
        nano_of(dollars)
