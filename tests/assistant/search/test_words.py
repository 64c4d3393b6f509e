"""Folding and stemming."""

from collections.abc import Callable

import pytest
import snowballstemmer
from hypothesis import given
from hypothesis import strategies as st

from causette.assistant.search.words import fold, fold_with_places, stem, words_of

FRENCH = """
cheval chevaux; élève élèves; mangé mange; mangée mangé; mangées mange; manger mangé; national nationaux;
nationale national; chantait chanter; parler parlé; parlerons parler; maison maisons; heureux heureuse;
heureuse heureusement; actives active; recette recettes; journal journaux; finir finissait; beau beaux;
rapide rapidement; question questions; petite petit; gâteau gâteaux; œuvre œuvres; réponse réponses;
étudiante étudiant; animal animaux; programmation programmations; développer développement; clé clés; idée idées;
nouvelle nouvelles; facture factures; facturation facturer; bancaire bancaires; voyager voyageait
"""
ENGLISH = """
run running; runs run; house houses; housing house; happy happiness; city cities; study studies; studied studying;
nation national; write writing; make making; tuple tuples; class classes; box boxes; query queries; index indexes;
connect connection; connected connecting; relation relational; bake baking; recipe recipes; compute computers;
quick quickly; argue arguing; error errors; test testing; develop development; baby babies; plan planning;
invoice invoices; story stories; database databases; function functions
"""
# Forms that are not joined; the languages' own stemmers miss most of them as well.
FRENCH_MISSED = "chanter chantons; actif active; actives actif; travail travaux; continuer continuellement"
ENGLISH_MISSED = "happily happy; large largest; generate generation"
DIFFERENT = """
general generous; port portion; tableau table; cour coureur; pain paint; chat chateau; main maintain; fille file;
poste postal; prix prise; mode modem; bonne bonnet; livre livret
"""


def pairs(text: str) -> list[tuple[str, str]]:
    return [(first, second) for first, second in (pair.split() for pair in text.split(";"))]


@pytest.mark.parametrize(("one", "other"), pairs(FRENCH) + pairs(ENGLISH))
def test_forms_of_a_word_have_one_stem_whatever_the_language(one: str, other: str) -> None:
    assert stem(fold(one)) == stem(fold(other))


def joined(words: list[tuple[str, str]], cut: Callable[[str], str]) -> int:
    return sum(cut(one) == cut(other) for one, other in words)


def test_one_stem_for_both_languages_joins_about_as_many_forms_as_each_languages_own() -> None:
    french = pairs(FRENCH) + pairs(FRENCH_MISSED)
    english = pairs(ENGLISH) + pairs(ENGLISH_MISSED)
    own = {name: snowballstemmer.stemmer(name).stemWord for name in ("french", "english")}
    ours = [joined(words, lambda word: stem(fold(word))) for words in (french, english)]
    theirs = [joined(french, own["french"]), joined(english, own["english"])]
    assert [len(french), len(english)] == [41, 36]
    assert ours == [36, 33]
    assert theirs == [35, 34]


@pytest.mark.parametrize(("one", "other"), pairs(DIFFERENT))
def test_different_words_have_different_stems(one: str, other: str) -> None:
    assert stem(fold(one)) != stem(fold(other))


def test_a_text_is_its_folded_words() -> None:
    assert words_of("L’ŒUVRE d'Élise, tête-à-tête: search_documents (C++)") == [
        *("l", "oeuvre", "d", "elise", "tete", "a", "tete", "search", "documents", "c")
    ]


def test_an_accent_written_apart_is_the_same() -> None:
    assert words_of("e\u0301te\u0301") == words_of("été") == ["ete"]


def test_a_writing_without_spaces_is_its_characters() -> None:
    assert words_of("東京タワー tower") == ["東", "京", "タ", "ワ", "ー", "tower"]


@given(st.text())
def test_each_character_of_a_folded_text_knows_where_it_came_from(text: str) -> None:
    folded, places = fold_with_places(text)
    assert folded == fold(text)
    assert len(places) == len(folded) + 1
    assert places[len(folded)] == len(text)
    assert all(folded[index] in fold(text[places[index]]) for index in range(len(folded)))


@given(st.text())
def test_the_words_of_a_text_have_nothing_that_the_index_splits_at(text: str) -> None:
    assert all(word and not set(word) & set(" .=@'\"\\_-\0") for word in words_of(text))
