"""Which passages come first, and which of them are taken."""

import numpy as np

from causette.assistant.knowledge.fusion import fused
from causette.assistant.knowledge.index import Place, spread
from causette.assistant.knowledge.vectors import PassageVectors


def test_a_passage_is_as_near_as_its_nearest_window_and_as_near_as_its_mean() -> None:
    east, north = np.eye(2, dtype=np.float32)
    passages = PassageVectors.of([np.stack([east, north]), north[None]])
    again = PassageVectors.unpacked([passages.packed(), passages.packed()], 2)
    for vectors, count in ((passages, 2), (again, 4)):
        wholes, nearest = vectors.likeness(east)
        assert len(vectors) == count
        np.testing.assert_allclose(wholes, [0.5**0.5, 0] * (count // 2), atol=1e-3)
        np.testing.assert_allclose(nearest, [1, 0] * (count // 2), atol=1e-3)


def test_a_ranking_that_knows_no_difference_decides_nothing() -> None:
    words = np.array([0, 1, 2], np.float32)
    alike = np.ones(3, np.float32)
    assert np.argsort(-fused((words, alike, alike), depth=3)).tolist() == [2, 1, 0]


def test_a_neighbour_of_a_better_passage_comes_when_nothing_else_does() -> None:
    first, beside, elsewhere = ("file", 3, ("A",)), ("file", 4, ("A",)), ("file", 9, ("A",))
    other_section: Place = ("file", 2, ("B",))
    found: list[Place] = [first, beside, other_section, elsewhere]
    assert spread(found, lambda place: place, limit=3) == [first, other_section, elsewhere]
    assert spread(found, lambda place: place, limit=4) == [first, other_section, elsewhere, beside]
    assert spread([first, beside], lambda place: place, limit=5) == [first, beside]
