"""Kinds of functions to be written: what is asked, a solution, and what it is tried on.

``$`` marks what a problem chooses: ``$k`` in the question is the same ``$k`` in the solution.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

Choice = Sequence[int] | Sequence[str]


@dataclass(frozen=True, slots=True)
class Template:
    """A function with parameters to be chosen."""

    #: Its name and the names of its arguments.
    signature: str
    #: What it does, as the end of *Write a function that …*.
    asks: str
    #: The lines of its body.
    body: str
    #: The arguments of a call.
    arguments: Callable[[Random], tuple[Any, ...]]
    choices: Mapping[str, Choice] = field(default_factory=dict[str, Choice])


_FEW: Final = range(2, 10)
_SMALL: Final = range(1, 21)


def numbers(chance: Random) -> tuple[list[int]]:
    """A list of up to ten whole numbers, some of them below zero, some of them alike."""
    return ([chance.randint(-9, 30) for _ in range(chance.randint(0, 10))],)


def _number(chance: Random) -> tuple[int]:
    return (chance.randint(0, chance.choice((9, 99, 999))),)


def _positive(chance: Random) -> tuple[int]:
    return (chance.randint(1, chance.choice((9, 60, 200))),)


def _two_lists(chance: Random) -> tuple[list[int], list[int]]:
    return (*numbers(chance), *numbers(chance))


def _rows(chance: Random) -> tuple[list[list[int]]]:
    width = chance.randint(1, 4)
    return ([[chance.randint(-5, 20) for _ in range(width)] for _ in range(chance.randint(1, 4))],)


OF_NUMBERS: Final = (
    Template(
        "count_above(numbers)",
        "returns how many of the numbers are greater than $k",
        "return sum(1 for number in numbers if number > $k)",
        numbers,
        {"k": _SMALL},
    ),
    Template(
        "sum_of_multiples(numbers)",
        "returns the sum of those numbers that $k divides without a remainder",
        "return sum(number for number in numbers if number % $k == 0)",
        numbers,
        {"k": _FEW},
    ),
    Template(
        "shift_all(numbers)",
        "returns a list in which each number is $k greater",
        "return [number + $k for number in numbers]",
        numbers,
        {"k": _SMALL},
    ),
    Template(
        "scale_even(numbers)",
        "returns a list in which each even number is multiplied by $k and each odd number is as it was",
        "return [number * $k if number % 2 == 0 else number for number in numbers]",
        numbers,
        {"k": _FEW},
    ),
    Template(
        "every_nth(numbers)",
        "returns a list of every item whose place, counted from 0, is a multiple of $k",
        "return numbers[::$k]",
        numbers,
        {"k": range(2, 6)},
    ),
    Template(
        "rotate(numbers)",
        "moves the first item to the end $k times and returns the list that results; an empty list stays empty",
        "if not numbers:\n    return []\ncut = $k % len(numbers)\nreturn numbers[cut:] + numbers[:cut]",
        numbers,
        {"k": range(1, 8)},
    ),
    Template(
        "in_chunks(numbers)",
        "cuts the list into lists of $k items, of which the last may have fewer, and returns a list of them",
        "return [numbers[at:at + $k] for at in range(0, len(numbers), $k)]",
        numbers,
        {"k": range(2, 6)},
    ),
    Template(
        "running_totals(numbers)",
        "returns a list of the running totals, where the count begins at $k before the first number is added",
        "totals = []\ntotal = $k\nfor number in numbers:\n    total += number\n    totals.append(total)\nreturn totals",
        numbers,
        {"k": _SMALL},
    ),
    Template(
        "differences(numbers)",
        "returns a list of each number minus the one that is $k places before it, for those that have one",
        "return [numbers[at] - numbers[at - $k] for at in range($k, len(numbers))]",
        numbers,
        {"k": range(1, 5)},
    ),
    Template(
        "largest(numbers)",
        "returns a list of the $k largest numbers, the largest first, or of all where there are fewer",
        "return sorted(numbers, reverse=True)[:$k]",
        numbers,
        {"k": range(2, 7)},
    ),
    Template(
        "unique_without(numbers)",
        "returns a list with each number once, in the order of their first appearances, and without the number $k",
        "return [number for number in dict.fromkeys(numbers) if number != $k]",
        numbers,
        {"k": _SMALL},
    ),
    Template(
        "best_window(numbers)",
        "returns the largest sum of $k neighbouring numbers, or 0 where there are fewer than $k",
        "sums = [sum(numbers[at:at + $k]) for at in range(len(numbers) - $k + 1)]\nreturn max(sums, default=0)",
        numbers,
        {"k": range(2, 6)},
    ),
    Template(
        "clamp(numbers)",
        "returns a list in which numbers below $low have become $low and numbers above $high have become $high",
        "return [min(max(number, $low), $high) for number in numbers]",
        numbers,
        {"low": range(-3, 5), "high": range(8, 25)},
    ),
    Template(
        "pairs_with_sum(numbers)",
        "returns how many pairs of places i < j there are whose two numbers add up to $k",
        "return sum(\n    numbers[i] + numbers[j] == $k for j in range(len(numbers)) for i in range(j)\n)",
        lambda chance: ([chance.randint(0, 12) for _ in range(chance.randint(0, 10))],),
        {"k": range(4, 19)},
    ),
    Template(
        "longest_run(numbers)",
        "returns the length of the longest run of neighbouring numbers that are all greater than $k",
        "best = run = 0\nfor number in numbers:\n    run = run + 1 if number > $k else 0\n"
        "    best = max(best, run)\nreturn best",
        numbers,
        {"k": range(0, 16)},
    ),
    Template(
        "split_at(numbers)",
        "returns a list of two lists: the numbers smaller than $k, and the others, each in their order",
        "return [[each for each in numbers if each < $k], [each for each in numbers if each >= $k]]",
        numbers,
        {"k": _SMALL},
    ),
    Template(
        "first_multiple(numbers)",
        "returns the place, counted from 0, of the first number that $k divides without a remainder, or -1",
        "for place, number in enumerate(numbers):\n    if number % $k == 0:\n        return place\nreturn -1",
        numbers,
        {"k": _FEW},
    ),
    Template(
        "by_remainder(numbers)",
        "returns a dictionary from each remainder that occurs when a number is divided by $k (as % gives it) to "
        "how many numbers leave it",
        "counts = {}\nfor number in numbers:\n    counts[number % $k] = counts.get(number % $k, 0) + 1\nreturn counts",
        numbers,
        {"k": _FEW},
    ),
    Template(
        "rises(numbers)",
        "returns True if each number but the first is at least $k greater than the one before it, else False",
        "return all(after - before >= $k for before, after in zip(numbers, numbers[1:]))",
        lambda chance: (sorted(chance.sample(range(60), chance.randint(2, 4))),),
        {"k": _FEW},
    ),
    Template(
        "put_between(numbers)",
        "returns a list with the number $k put between each two neighbours",
        "found = []\nfor number in numbers:\n    found += [number, $k]\nreturn found[:-1]",
        numbers,
        {"k": _SMALL},
    ),
    Template(
        "weighted_sum(numbers)",
        "returns the sum of the numbers, where those at odd places, counted from 0, count $k times",
        "return sum(number * ($k if place % 2 else 1) for place, number in enumerate(numbers))",
        numbers,
        {"k": _FEW},
    ),
    Template(
        "most_frequent(numbers)",
        "returns the number that occurs most often, the smallest of them where there are several, or $k for an "
        "empty list",
        "if not numbers:\n    return $k\nreturn min(numbers, key=lambda each: (-numbers.count(each), each))",
        lambda chance: ([chance.randint(0, 5) for _ in range(chance.randint(0, 9))],),
        {"k": range(-5, 0)},
    ),
    Template(
        "in_both(first, second)",
        "returns a sorted list of the numbers greater than $k that are in both lists, each once",
        "return sorted(each for each in set(first) & set(second) if each > $k)",
        lambda chance: tuple(
            [chance.randint(-3, 12) for _ in range(chance.randint(2, 10))] for _ in range(2)
        ),
        {"k": range(-2, 6)},
    ),
    Template(
        "products(first, second)",
        "multiplies the numbers at the same places, as far as the shorter list goes, and returns a list of the "
        "products, each plus $k",
        "return [one * other + $k for one, other in zip(first, second)]",
        _two_lists,
        {"k": _SMALL},
    ),
    Template(
        "rows_above(rows)",
        "takes a list of rows of numbers and returns a list of the sums of those rows whose sum is above $k",
        "return [sum(row) for row in rows if sum(row) > $k]",
        _rows,
        {"k": range(0, 26)},
    ),
    Template(
        "turned(rows)",
        "takes a list of rows of numbers, all as long, and returns a list of its columns, with each number "
        "multiplied by $k",
        "return [[number * $k for number in column] for column in zip(*rows)]",
        _rows,
        {"k": _FEW},
    ),
    Template(
        "digit_sum(number)",
        "returns the sum of the decimal digits of a whole number that is not negative, multiplied by $k",
        "return $k * sum(int(digit) for digit in str(number))",
        _number,
        {"k": _SMALL},
    ),
    Template(
        "in_base(number)",
        "returns a whole number that is not negative as a string of its digits in base $k",
        "digits = ''\nwhile True:\n    digits = str(number % $k) + digits\n    number //= $k\n"
        "    if number == 0:\n        return digits",
        _number,
        {"k": range(2, 10)},
    ),
    Template(
        "divisors_above(number)",
        "returns a list, in ascending order, of the divisors of a positive whole number that are greater than $k",
        "return [each for each in range($k + 1, number + 1) if number % each == 0]",
        _positive,
        {"k": range(1, 13)},
    ),
    Template(
        "steps_to_one(number)",
        "halves an even number and turns an odd number n into 3 * n + 1, again and again, and returns after how "
        "many steps it is 1, or $k if it is not 1 after $k steps",
        "steps = 0\nwhile number != 1 and steps < $k:\n"
        "    number = number // 2 if number % 2 == 0 else 3 * number + 1\n    steps += 1\nreturn steps",
        _positive,
        {"k": range(10, 41)},
    ),
    Template(
        "reversed_plus(number)",
        "reads the decimal digits of a whole number that is not negative from right to left and returns the number "
        "they make, plus $k",
        "return int(str(number)[::-1]) + $k",
        _number,
        {"k": _SMALL},
    ),
    Template(
        "count_off(count)",
        'returns a list of the numbers from 1 to count, in which multiples of $k are replaced by the text "$word"',
        "return ['$word' if number % $k == 0 else number for number in range(1, count + 1)]",
        lambda chance: (chance.randint(0, 15),),
        {"k": range(2, 6), "word": ("beep", "hop", "fizz", "miss", "clap")},
    ),
    Template(
        "primes_between(last)",
        "returns a list of the prime numbers from $k to last, both included",
        "return [\n    each for each in range(max($k, 2), last + 1)\n"
        "    if all(each % other for other in range(2, int(each ** 0.5) + 1))\n]",
        _positive,
        {"k": range(1, 31)},
    ),
    Template(
        "sequence(place)",
        "returns the number at a place, counted from 0, of the sequence that begins with $a and $b and in which "
        "every other number is the sum of the two before it",
        "a, b = $a, $b\nfor _ in range(place):\n    a, b = b, a + b\nreturn a",
        lambda chance: (chance.randint(0, 25),),
        {"a": range(0, 6), "b": range(1, 8)},
    ),
)
