"""Arithmetic that is right: fractions are exact, roots and logarithms have thirty digits. Nothing is run as code.

Grammar, loosest first: ``+ -``, then ``* / // % mod of``, then signs, then ``^`` (to the right), then ``%`` and ``!``
after a number, functions, brackets, numbers.
"""

import math
import re
from collections.abc import Callable, Sequence
from decimal import Decimal, DecimalException, localcontext
from fractions import Fraction
from operator import add, mul, sub
from typing import Any, Final

from causette.assistant.tools.types import ToolContext, ToolFailed, ToolResult

Number = Fraction | Decimal

_TOKEN: Final = re.compile(
    r"\s*(?:(\d[\d_]*\.?\d*(?:[eE][-+]?\d+)?|\.\d+)|([A-Za-zπ]+)|(\*\*|//|[-+*/^%!(),×÷−·]))"
)
_SAME: Final = {"**": "^", "×": "*", "·": "*", "÷": "/", "−": "-"}
_LONGEST: Final = 1000
# Results beyond these are of no use, and would take the machine's time.
_MOST_BITS: Final = 20_000
_MOST_DEPTH: Final = 100
_LARGEST_FACTORIAL: Final = 1000
_DIGITS: Final = 30
_SHOWN_DIGITS: Final = 2_000


class _Unsound(Exception):
    """An expression that has no value."""


def evaluate(expression: str) -> Number:
    """The value of ``expression``, exact wherever it is rational.

    Raises:
        ToolFailed: it has none, or is no arithmetic; the message says where.
    """
    if len(expression) > _LONGEST:
        raise ToolFailed(f"The expression has {len(expression)} characters; at most {_LONGEST} are taken.")
    try:
        with localcontext(prec=_DIGITS + 10):
            return _Reading(expression).value()
    except ZeroDivisionError:
        raise ToolFailed("This divides by zero.") from None
    except (_Unsound, DecimalException, ValueError, OverflowError) as error:
        raise ToolFailed(str(error) if isinstance(error, _Unsound) else "This has no real value.") from None


def shown(value: Number) -> str:
    """A value as people write it: whole, as a decimal where that is exact, or rounded with its fraction beside it."""
    if isinstance(value, Decimal):
        with localcontext(prec=_DIGITS):
            rounded = +value
        return f"about {_plain(rounded)}"
    if value.denominator == 1:
        text = str(value.numerator)
        if len(text) > _SHOWN_DIGITS:
            raise ToolFailed(f"The result has {len(text):,} digits.")
        return text
    rest = value.denominator
    for prime in (2, 5):
        while rest % prime == 0:
            rest //= prime
    with localcontext(prec=_DIGITS):
        decimal = Decimal(value.numerator) / Decimal(value.denominator)
    if rest == 1 and Fraction(decimal) == value:
        return _plain(decimal)
    return f"about {_plain(decimal)} (exactly {value.numerator}/{value.denominator})"


def _plain(value: Decimal) -> str:
    text = f"{value:f}" if -20 < value.adjusted() < _DIGITS else str(value)
    return text.rstrip("0").rstrip(".") if "." in text and "E" not in text else text


class _Reading:
    """One expression, read by recursive descent."""

    def __init__(self, text: str) -> None:
        self._tokens: list[tuple[str, str]] = []
        at = 0
        text = text.strip().rstrip("=").strip()
        while at < len(text):
            found = _TOKEN.match(text, at)
            if found is None:
                raise _Unsound(f"There is no arithmetic in {text[at : at + 20].strip()!r}.")
            number, name, sign = found.groups()
            if number:
                self._tokens.append(("number", number.replace("_", "")))
            elif name:
                self._tokens.append(("name", name.lower()))
            else:
                self._tokens.append(("sign", _SAME.get(sign, sign)))
            at = found.end()
        self._at = 0
        self._depth = 0

    def value(self) -> Number:
        value = self._sum()
        if self._at < len(self._tokens):
            raise _Unsound(f"{self._tokens[self._at][1]!r} is not expected there.")
        return value

    def _peek(self, ahead: int = 0) -> str:
        at = self._at + ahead
        return self._tokens[at][1] if at < len(self._tokens) else ""

    def _kind(self, ahead: int = 0) -> str:
        at = self._at + ahead
        return self._tokens[at][0] if at < len(self._tokens) else ""

    def _take(self, *wanted: str) -> str:
        if self._peek() in wanted and self._peek():
            self._at += 1
            return self._tokens[self._at - 1][1]
        return ""

    def _sum(self) -> Number:
        self._depth += 1
        if self._depth > _MOST_DEPTH:
            raise _Unsound(f"Brackets go more than {_MOST_DEPTH} deep.")
        value = self._product()
        while sign := self._take("+", "-"):
            other = self._product()
            value = _both(value, other, add if sign == "+" else sub)
        self._depth -= 1
        return value

    def _product(self) -> Number:
        value = self._signed()
        while True:
            if self._take("*", "of"):
                value = _both(value, self._signed(), mul)
            elif self._take("/"):
                value = _both(value, self._signed(), _divided)
            elif self._take("//"):
                value = Fraction(math.floor(_both(value, self._signed(), _divided)))
            elif self._take("%", "mod"):
                other = self._signed()
                whole = Fraction(math.floor(_both(value, other, _divided)))
                value = _both(value, _both(other, whole, mul), sub)
            elif self._peek() == "(":
                value = _both(value, self._signed(), mul)
            else:
                return _bounded(value)

    def _signed(self) -> Number:
        negative = False
        while sign := self._take("+", "-"):
            negative ^= sign == "-"
        value = self._power()
        return -value if negative else value

    def _power(self) -> Number:
        base = self._after()
        return _power(base, self._signed()) if self._take("^") else base

    def _after(self) -> Number:
        value = self._atom()
        while True:
            if self._take("!"):
                value = _factorial(value)
            elif self._peek() == "%" and not self._operand_follows():
                self._at += 1
                value = _both(value, Fraction(100), _divided)
            else:
                return value

    def _operand_follows(self) -> bool:
        return (
            self._kind(1) == "number"
            or self._peek(1) == "("
            or (self._kind(1) == "name" and self._peek(1) not in {"of", "mod"})
        )

    def _atom(self) -> Number:
        kind, word = self._kind(), self._peek()
        self._at += 1
        if kind == "number":
            exponent = word.lower().partition("e")[2]
            if exponent and abs(int(exponent)) > _MOST_BITS // 4:
                raise _Unsound("A number is too large.")
            return Fraction(word)
        if word == "(":
            value = self._sum()
            self._close()
            return value
        if kind == "name" and word in _CONSTANTS:
            return _CONSTANTS[word]
        if kind == "name" and word in _FUNCTIONS and self._take("("):
            arguments = [self._sum()]
            while self._take(","):
                arguments.append(self._sum())
            self._close()
            return _call(word, arguments)
        raise _Unsound(f"{word!r} is not known here." if word else "The expression ends too soon.")

    def _close(self) -> None:
        if not self._take(")"):
            raise _Unsound("A bracket is not closed.")


def _bounded(value: Number) -> Number:
    if isinstance(value, Decimal) and not value.is_finite():
        raise _Unsound("This has no real value.")
    if (
        isinstance(value, Fraction)
        and max(value.numerator.bit_length(), value.denominator.bit_length()) > _MOST_BITS
    ):
        raise _Unsound("A number is too large.")
    return value


def _both(a: Number, b: Number, work: Callable[[Any, Any], Any]) -> Number:
    if isinstance(a, Fraction) and isinstance(b, Fraction):
        return _bounded(work(a, b))
    if (isinstance(b, Fraction) and b == 0) or (isinstance(b, Decimal) and b == 0):
        return work(Fraction(a), Fraction(b))
    return work(_decimal(a), _decimal(b))


def _divided(a: Any, b: Any) -> Any:
    return a / b


def _decimal(value: Number) -> Decimal:
    return value if isinstance(value, Decimal) else Decimal(value.numerator) / Decimal(value.denominator)


def _power(base: Number, exponent: Number) -> Number:
    if isinstance(exponent, Fraction) and exponent.denominator == 1 and isinstance(base, Fraction):
        size = max(base.numerator.bit_length(), base.denominator.bit_length())
        if abs(exponent.numerator) * max(1, size) > _MOST_BITS:
            raise _Unsound("A number is too large.")
        return base**exponent.numerator
    if isinstance(exponent, Fraction) and exponent == Fraction(1, 2):
        return _root(base)
    if base < 0:
        raise _Unsound("This has no real value.")
    return _decimal(base) ** _decimal(exponent)


def _root(value: Number) -> Number:
    if value < 0:
        raise _Unsound("A negative number has no real root.")
    if isinstance(value, Fraction):
        above, below = math.isqrt(value.numerator), math.isqrt(value.denominator)
        if above * above == value.numerator and below * below == value.denominator:
            return Fraction(above, below)
    return _decimal(value).sqrt()


def _factorial(value: Number) -> Fraction:
    if value != int(value) or not 0 <= value <= _LARGEST_FACTORIAL:
        raise _Unsound(f"Factorials are taken of whole numbers from 0 to {_LARGEST_FACTORIAL}.")
    return Fraction(math.factorial(int(value)))


def _rounded(value: Number, digits: Number = Fraction(0)) -> Fraction:
    places = int(digits)
    if abs(places) > _SHOWN_DIGITS:
        raise _Unsound("So many digits are not kept.")
    scale = Fraction(10) ** places
    exact = Fraction(value) * scale
    # Halves away from zero, as people round.
    whole = math.floor(abs(exact) + Fraction(1, 2))
    return Fraction(whole if exact >= 0 else -whole) / scale


def _of_floats(function: Callable[[float], float]) -> Callable[[Number], Decimal]:
    def called(value: Number) -> Decimal:
        with localcontext(prec=15):
            return +Decimal(function(float(value)))

    return called


_CONSTANTS: Final[dict[str, Number]] = {
    "pi": Decimal("3.14159265358979323846264338327950288419716939937511"),
    "π": Decimal("3.14159265358979323846264338327950288419716939937511"),
    "e": Decimal("2.71828182845904523536028747135266249775724709369996"),
}


def _whole(function: Callable[..., int]) -> Callable[..., Number]:
    def called(*values: Number) -> Fraction:
        if any(value != int(value) for value in values):
            raise _Unsound("This takes whole numbers.")
        return Fraction(function(*map(int, values)))

    return called


def _floor(value: Number) -> Number:
    return Fraction(math.floor(value))


def _ceil(value: Number) -> Number:
    return Fraction(math.ceil(value))


def _logarithm(value: Number) -> Number:
    return _decimal(value).log10()


def _natural(value: Number) -> Number:
    return _decimal(value).ln()


def _exponential(value: Number) -> Number:
    return _decimal(value).exp()


def _exact(value: Number) -> Fraction:
    return Fraction(value)


def _least(value: Number, *values: Number) -> Number:
    return sorted((value, *values), key=_exact)[0]


def _most(value: Number, *values: Number) -> Number:
    return sorted((value, *values), key=_exact)[-1]


def _absolute(value: Number) -> Number:
    return abs(value)


_FUNCTIONS: Final[dict[str, Callable[..., Number]]] = {
    "sqrt": _root,
    "abs": _absolute,
    "round": _rounded,
    "floor": _floor,
    "ceil": _ceil,
    "min": _least,
    "max": _most,
    "gcd": _whole(math.gcd),
    "lcm": _whole(math.lcm),
    "ln": _natural,
    "log": _logarithm,
    "exp": _exponential,
    "sin": _of_floats(math.sin),
    "cos": _of_floats(math.cos),
    "tan": _of_floats(math.tan),
    "atan": _of_floats(math.atan),
    "factorial": _factorial,
}


def _call(name: str, arguments: Sequence[Number]) -> Number:
    try:
        return _bounded(_FUNCTIONS[name](*arguments))
    except TypeError:
        raise _Unsound(f"{name} does not take {len(arguments)} values.") from None


class Calculator:
    """The tool."""

    name = "calculator"
    title = "Calculator"
    description = "Exact arithmetic: + - * / ^ %, brackets, sqrt, ln, log, sin, round, factorial and so on."
    read_only = True

    @property
    def parameters(self) -> dict[str, object]:
        """See `Tool`."""
        return {
            "type": "object",
            "properties": {"expression": {"type": "string", "description": "Such as (17.5 * 12) / 7"}},
            "required": ["expression"],
            "additionalProperties": False,
        }

    async def run(self, context: ToolContext, arguments: dict[str, object]) -> ToolResult:
        """See `Tool`."""
        expression = str(arguments["expression"])
        result = shown(evaluate(expression))
        return ToolResult(text=f"{expression} = {result}", summary=result)
