"""Kinds of functions of texts, words and dictionaries."""

from random import Random
from typing import Final

from causette.lab.tasks.code.templates import Template

_WORDS: Final = (
    *("apple", "bread", "river", "stone", "level", "noon", "a", "in", "tree", "Tea", "Moon", "garden"),
    *("window", "civic", "salt", "Bell", "summer", "letter", "of", "lantern", "kayak", "harbours"),
)
_NAMES: Final = ("Ada", "Bo", "Cleo", "Dan", "Eve", "Finn", "Gus", "Ida", "Jo", "Kim", "Leo", "Mia")
_LETTERS: Final = ("a", "e", "i", "o", "n", "r", "s", "t", "l")
_SIGNS: Final = ("*", "-", "_", "#", "+", "~", "=", ".")
_FEW: Final = range(2, 7)


def _words(chance: Random) -> tuple[list[str]]:
    return ([chance.choice(_WORDS) for _ in range(chance.randint(0, 8))],)


def _text(chance: Random) -> tuple[str]:
    return (" ".join(_words(chance)[0]),)


def _word(chance: Random) -> tuple[str]:
    return (chance.choice(_WORDS).lower(),)


def _letters(chance: Random) -> tuple[str]:
    return ("".join(chance.choice("aabbc") for _ in range(chance.randint(0, 9))),)


def _points(chance: Random) -> tuple[dict[str, int]]:
    return ({name: chance.randint(0, 20) for name in chance.sample(_NAMES, chance.randint(0, 6))},)


OF_TEXTS: Final = (
    Template(
        "count_letter(text)",
        'returns how often the letter "$letter" is in a text, as a small or a capital letter',
        "return text.lower().count('$letter')",
        _text,
        {"letter": _LETTERS},
    ),
    Template(
        "long_words(text)",
        "returns a list of the words of a text, which single spaces separate, that have more than $k letters",
        "return [word for word in text.split() if len(word) > $k]",
        _text,
        {"k": range(1, 7)},
    ),
    Template(
        "hide_vowels(text)",
        'returns a text with each of the small letters a, e, i, o and u replaced by "$sign"',
        "return ''.join('$sign' if letter in 'aeiou' else letter for letter in text)",
        _text,
        {"sign": _SIGNS},
    ),
    Template(
        "shift_letters(text)",
        "moves each small letter of a text from a to z on by $k places in the alphabet, after z from a again, leaves "
        "everything else, and returns the result",
        "return ''.join(\n    chr((ord(letter) - 97 + $k) % 26 + 97) if 'a' <= letter <= 'z' else letter\n"
        "    for letter in text\n)",
        _text,
        {"k": range(1, 26)},
    ),
    Template(
        "turn_words(words)",
        "returns a list of the words, in which those of at least $k letters are written backwards",
        "return [word[::-1] if len(word) >= $k else word for word in words]",
        _words,
        {"k": _FEW},
    ),
    Template(
        "capital_every(words)",
        "returns a list of the words, in which each word whose place, counted from 0, is a multiple of $k is in "
        "capital letters",
        "return [word.upper() if place % $k == 0 else word for place, word in enumerate(words)]",
        _words,
        {"k": _FEW},
    ),
    Template(
        "same_backwards(word)",
        'leaves out every "$letter" of a word and returns True if the rest is the same from both ends, else False',
        "rest = word.replace('$letter', '')\nreturn rest == rest[::-1]",
        _word,
        {"letter": _LETTERS},
    ),
    Template(
        "runs(text)",
        "writes each run of the same letter as the letter and the length of the run, puts "
        '"$sign" between these, and returns the result, which is empty for an empty text',
        "parts = []\nat = 0\nwhile at < len(text):\n    end = at\n"
        "    while end < len(text) and text[end] == text[at]:\n        end += 1\n"
        "    parts.append(text[at] + str(end - at))\n    at = end\nreturn '$sign'.join(parts)",
        _letters,
        {"sign": _SIGNS},
    ),
    Template(
        "shorten(text)",
        'returns a text as it is if it has at most $k characters, else its first $k characters and "$sign"',
        "return text if len(text) <= $k else text[:$k] + '$sign'",
        _text,
        {"k": range(5, 26), "sign": _SIGNS},
    ),
    Template(
        "frequent_words(words)",
        "returns a dictionary from each word that occurs at least $k times to how often it does",
        "return {word: words.count(word) for word in words if words.count(word) >= $k}",
        lambda chance: ([chance.choice(_WORDS[:4]) for _ in range(chance.randint(0, 12))],),
        {"k": range(2, 6)},
    ),
    Template(
        "longest_without(words)",
        'returns the longest word in which there is no "$letter", the first of them where there are several, or an '
        "empty text where there is none",
        "return max((word for word in words if '$letter' not in word), key=len, default='')",
        _words,
        {"letter": _LETTERS},
    ),
    Template(
        "fill_left(word)",
        'puts as many "$sign" before a word as it takes to have $k characters, none if it has them already, and '
        "returns the result",
        "return word.rjust($k, '$sign')",
        _word,
        {"sign": _SIGNS, "k": range(4, 13)},
    ),
    Template(
        "initials(words)",
        'returns the first letters of the words as capital letters, with "$sign" between them',
        "return '$sign'.join(word[0].upper() for word in words)",
        _words,
        {"sign": _SIGNS},
    ),
    Template(
        "by_length(words)",
        "returns a dictionary from each length that occurs to the list of the words of that length, in their order, "
        "for the words of at least $k letters",
        "found = {}\nfor word in words:\n    if len(word) >= $k:\n"
        "        found.setdefault(len(word), []).append(word)\nreturn found",
        _words,
        {"k": range(1, 6)},
    ),
    Template(
        "letters_at(words)",
        'returns a text of the letter at place $k, counted from 0, of each word, or "$sign" for words that have none',
        "return ''.join(word[$k] if len(word) > $k else '$sign' for word in words)",
        _words,
        {"k": range(0, 6), "sign": _SIGNS},
    ),
    Template(
        "staircase(height)",
        'returns a list of height texts, the first of which is "$sign" and each other one $k signs longer than the '
        "one before",
        "return ['$sign' * (1 + step * $k) for step in range(height)]",
        lambda chance: (chance.randint(0, 9),),
        {"sign": _SIGNS, "k": range(1, 5)},
    ),
    Template(
        "with_points(points)",
        "takes a dictionary from names to points and returns a sorted list of the names with at least $k points",
        "return sorted(name for name, each in points.items() if each >= $k)",
        _points,
        {"k": range(3, 18)},
    ),
    Template(
        "give_points(points)",
        "takes a dictionary from names to points and returns a new one, in which all have $k points more, but none "
        "more than $most",
        "return {name: min(each + $k, $most) for name, each in points.items()}",
        _points,
        {"k": range(1, 10), "most": range(15, 26)},
    ),
    Template(
        "winner(points)",
        "takes a dictionary from names to points and returns the name with the most points, the first in the alphabet "
        'where there are several, or "$word" where nobody has at least $k',
        "able = [name for name in sorted(points) if points[name] >= $k]\n"
        "return max(able, key=lambda name: points[name], default='$word')",
        _points,
        {"k": range(5, 20), "word": ("nobody", "none", "draw", "no one")},
    ),
    Template(
        "invert(words)",
        "returns a dictionary from each word of at least $k letters to the list of all places, counted from 0, at "
        "which it is",
        "found = {}\nfor place, word in enumerate(words):\n    if len(word) >= $k:\n"
        "        found.setdefault(word, []).append(place)\nreturn found",
        _words,
        {"k": range(1, 6)},
    ),
)
