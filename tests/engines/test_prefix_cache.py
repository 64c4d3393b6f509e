"""The books of the prefix cache against the runtime's rule written down plainly."""

from hypothesis import given
from hypothesis import strategies as st

from causette.engines.embedded.prefix_cache import PrefixCacheBooks

BLOCK = 4
#: Few different tokens, so that prompts often begin alike.
tokens = st.lists(st.integers(0, 1), max_size=14)


class Reference:
    """Every prefix that ends a block, or a sequence, is remembered whole. Nothing is ever dropped."""

    def __init__(self) -> None:
        self.known: set[tuple[int, ...]] = set()

    def reused(self, prompt: list[int]) -> int:
        full = 0
        while full < len(prompt) and tuple(prompt[: full + BLOCK]) in self.known:
            full = min(full + BLOCK, len(prompt))
        end = min(full + BLOCK, len(prompt))
        partial = [cut for cut in range(full + 1, end) if tuple(prompt[:cut]) in self.known]
        return min(partial[0] if partial else full, len(prompt) - 1)

    def hold(self, held: list[int], *, partial: bool) -> None:
        last = len(held) if partial else len(held) // BLOCK * BLOCK
        self.known |= {tuple(held[: start + BLOCK]) for start in range(0, last, BLOCK)}


@given(st.lists(st.tuples(tokens, tokens.filter(len), st.booleans()), max_size=20))
def test_a_cache_with_room_finds_what_the_rule_says(turns: list[tuple[list[int], list[int], bool]]):
    books, reference = PrefixCacheBooks(10_000, BLOCK), Reference()
    for held, asked, partial in turns:
        books.hold(held, partial=partial)
        reference.hold(held, partial=partial)
        assert books.reused(asked) == reference.reused(asked)


def test_the_last_token_of_a_prompt_is_always_computed():
    books = PrefixCacheBooks(100, BLOCK)
    books.hold([1, 2, 3, 4, 5, 6, 7, 8])
    assert books.reused([1, 2, 3, 4, 5, 6, 7, 8]) == 7
    assert books.reused([1, 2, 3, 4, 5, 6, 7, 8, 9]) == 8


def test_the_same_tokens_after_another_beginning_are_not_the_same_prefix():
    books = PrefixCacheBooks(100, BLOCK)
    books.hold([1, 1, 1, 1, 5, 6, 7, 8])
    assert books.reused([2, 1, 1, 1, 5, 6, 7, 8]) == 0


def test_what_was_used_least_recently_is_forgotten_first():
    books = PrefixCacheBooks(2, BLOCK)
    first, second, third = [1] * BLOCK, [2] * BLOCK, [3] * BLOCK
    books.hold(first)
    books.hold(second)
    assert books.reused([*first, 9]) == BLOCK
    books.hold(third)
    assert books.reused([*first, 9]) == BLOCK
    assert books.reused([*second, 9]) == 0


@given(st.lists(tokens.filter(len), max_size=8), tokens.filter(len), tokens.filter(len))
def test_prompts_are_mixed_up_where_both_go_on_in_a_block_in_which_a_sequence_ended(
    held: list[list[int]], one: list[int], other: list[int]
):
    books = PrefixCacheBooks(10_000, BLOCK)
    for each in held:
        books.hold(each, partial=False)
    common = next(
        (at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other))
    )
    block = common // BLOCK * BLOCK
    ended = any(block < len(each) <= common and each == one[: len(each)] for each in held)
    assert books.mixes_up(one, other) == (ended and one != other) == books.mixes_up(other, one)
