"""What tells who somebody is, taken out of texts; and what looks like it, left in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from causette.lab.flywheel.scrubbing import scrub


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("Write to ada.l+x@mail.example.org today", "Write to [email] today"),
        ("Écris à zoé@exemple.fr.", "Écris à [email]."),
        ("Call 01 42 68 53 00 or +44 20 7946 0958.", "Call [phone] or [phone]."),
        ("My IBAN is FR14 2004 1010 0505 0001 3M02 606", "My IBAN is [iban]"),
        ("card 4111 1111 1111 1111, please", "card [card], please"),
        ("n° 2 55 08 14 168 025 38", "n° [identity]"),
        (
            "It runs at 93.184.216.34 and 2606:2800:220:1:248:1893:25c8:1946.",
            "It runs at [address] and [address].",
        ),
        ("See https://ada:secret@git.example.org/x and go", "See [url] and go"),
        ("open https://example.org/reset?token=abc now", "open [url] now"),
        ("key sk-abcdefghijklmnopqrstuvwxyz0123456789-end here", "key [key] here"),
        (
            "-----BEGIN RSA PRIVATE KEY-----\nMIIE\nabc=\n-----END RSA PRIVATE KEY-----\nafter",
            "[key]\nafter",
        ),
    ],
)
def test_what_tells_who_somebody_is_is_taken_out(text: str, clean: str) -> None:
    assert scrub(text).text == clean


@pytest.mark.parametrize(
    "text",
    [
        "In 2024 there were 1,234,567 visitors, 12.5 % more.",
        "IBAN FR14 2004 1010 0505 0001 3M02 607 has a wrong digit",
        "4111 1111 1111 1112 fails Luhn's sum",
        "127.0.0.1, 192.168.1.20 and ::1 are nobody's",
        "See https://example.org/docs/install for how",
        "def f(x): return x @ y",
        "The ratio is 10:20:30 and the time 12:30:45",
        "Version 1.2.3 of 2026-11-30",
        "a = [1, 2, 3]; b = 3.14159265358979",
    ],
)
def test_what_only_looks_like_it_stays(text: str) -> None:
    scrubbed = scrub(text)
    assert scrubbed.text == text
    assert not scrubbed.found


def test_the_authors_name_is_taken_out_whole_and_in_parts() -> None:
    scrubbed = scrub(
        "I am Ada Lovelace; ada for short. Adams is another, and so is Lo.",
        ["Ada Lo Lovelace", "Ada Lovelace"],
    )
    assert scrubbed.text == "I am [name]; [name] for short. Adams is another, and so is Lo."
    assert scrubbed.found == {"name": 2}


def test_what_was_found_is_counted() -> None:
    assert scrub("a@example.org b@example.org 93.184.216.34").found == {"email": 2, "address": 1}


@given(st.text(max_size=200))
def test_nothing_is_found_in_what_was_scrubbed(text: str) -> None:
    once = scrub(text)
    assert scrub(once.text).text == once.text
