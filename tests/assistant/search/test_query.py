"""What was typed, as what is looked for."""

import pytest

from causette.assistant.search.query import Clause, Query, read_query
from causette.errors import InvalidRequest


def test_every_word_is_wanted_and_the_last_may_be_unfinished() -> None:
    assert read_query("Blue  skies") == Query((Clause(("blue",)), Clause(("skies",), prefix=True)), ())


def test_a_space_ends_the_last_word() -> None:
    assert read_query("skies ").wanted == (Clause(("skies",)),)


def test_two_letters_begin_too_many_words() -> None:
    assert read_query("sk").wanted == (Clause(("sk",)),)


def test_words_in_quotes_are_in_a_row_and_exact() -> None:
    assert read_query('"blue skies" over').wanted[0] == Clause(("blue", "skies"), exact=True)
    assert read_query("« ciel bleu »").wanted == (Clause(("ciel", "bleu"), exact=True),)


def test_a_quotation_that_is_still_being_typed_goes_to_the_end() -> None:
    assert read_query('"blue sk').wanted == (Clause(("blue", "sk"), exact=True),)


def test_a_minus_before_a_word_leaves_it_out() -> None:
    query = read_query('sky -rain -"heavy snow"')
    assert query.wanted == (Clause(("sky",)),)
    assert query.unwanted == (Clause(("rain",)), Clause(("heavy", "snow"), exact=True))


def test_a_hyphen_inside_a_word_joins_its_parts() -> None:
    assert read_query("well-known ").wanted == (Clause(("well", "known")),)


def test_what_is_left_of_an_article_is_no_word() -> None:
    assert read_query("l'élève qu’on ").wanted == (Clause(("eleve",)),)


def test_common_words_count_only_where_there_are_no_others() -> None:
    assert read_query("what is the weather ").wanted == (Clause(("weather",)),)
    assert read_query("to be or not ").wanted == tuple(Clause((word,)) for word in ("to", "be", "or", "not"))
    assert read_query('"to be" sure ').wanted == (Clause(("to", "be"), exact=True), Clause(("sure",)))


@pytest.mark.parametrize("text", ["", "   ", "-", '"', '""', "?!", "- -", "\ud800"])
def test_signs_alone_ask_for_nothing(text: str) -> None:
    assert read_query(text) == Query((), ())


def test_too_many_words_are_refused_with_the_fields_name() -> None:
    with pytest.raises(InvalidRequest, match="25 words; at most 24") as refused:
        read_query(" ".join(f"word{number}" for number in range(25)))
    assert refused.value.param == "q"
