import re
import string

from hypothesis import given
from hypothesis import strategies as st

from causette.accounts.tokens import digest, is_api_key, is_token, new_api_key, new_token


def test_a_token_has_256_bits_and_its_own_shape() -> None:
    made = {new_token() for _ in range(100)}
    assert len(made) == 100
    assert all(len(token) == 43 and is_token(token) for token in made)


def test_a_key_can_be_found_by_a_secret_scanner() -> None:
    key = new_api_key()
    assert re.fullmatch(r"sk-causette-[0-9A-Za-z]{42}", key)
    assert is_api_key(key)
    assert len({new_api_key() for _ in range(100)}) == 100


@given(position=st.integers(0, 53), character=st.sampled_from(string.ascii_letters + string.digits + "-_ é"))
def test_a_key_with_one_wrong_character_is_told_apart_without_a_database(
    position: int, character: str
) -> None:
    key = new_api_key()
    mistyped = key[:position] + character + key[position + 1 :]
    assert is_api_key(mistyped) == (mistyped == key)


@given(position=st.integers(12, 52))
def test_a_key_with_two_characters_swapped_is_told_apart(position: int) -> None:
    key = new_api_key()
    swapped = key[:position] + key[position + 1] + key[position] + key[position + 2 :]
    assert is_api_key(swapped) == (swapped == key)


@given(st.text())
def test_other_text_is_neither_a_key_nor_a_token(text: str) -> None:
    assert not is_api_key(text)
    assert not is_token(text) or len(text) == 43


def test_what_surrounds_a_secret_does_not_belong_to_it() -> None:
    for made, is_one in ((new_api_key(), is_api_key), (new_token(), is_token)):
        assert not any(is_one(text) for text in (made + "\n", " " + made, made[:-1], made + made, ""))


def test_a_digest_is_sha256() -> None:
    assert digest("abc").hex() == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
