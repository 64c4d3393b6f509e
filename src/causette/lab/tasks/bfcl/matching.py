"""Whether calls are those that BFCL's data allows, and a way to make them."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

import msgspec

# What BFCL does not look at in texts.
_UNSEEN: Final = re.compile(r"[ ,./\-_*^]")
#: Stands among the allowed values of what may be left out.
_LEFT_OUT: Final = ""


class Call(msgspec.Struct, frozen=True):
    """A call that is right: of each argument the values that it may have."""

    name: str
    arguments: Mapping[str, Sequence[Any]]
    #: Arguments that the function cannot do without.
    required: frozenset[str]

    def allows(self, call: Mapping[str, Any]) -> bool:
        """Whether ``call``, an object with a name and arguments, is such a call."""
        given: Any = call.get("arguments", {})
        return (
            not call.keys() - {"name", "arguments"}
            and call.get("name") == self.name
            and isinstance(given, Mapping)
            and not self.required - cast("Mapping[str, Any]", given).keys()
            and _fields_allowed(cast("Mapping[str, Any]", given), self.arguments)
        )

    def example(self) -> dict[str, Any]:
        """A call that it allows, without what may be left out."""
        arguments = _example(self.arguments, self.required)
        return {"name": self.name, "arguments": arguments}


def all_made(wanted: Sequence[Call], made: Sequence[Mapping[str, Any]]) -> bool:
    """Whether each wanted call was made once, in whichever order, and no other."""
    if len(wanted) != len(made):
        return False
    allowed = [[at for at, call in enumerate(made) if each.allows(call)] for each in wanted]
    # Whose each made call is: Kuhn's augmenting paths, as one call may be allowed by several that are wanted.
    taken: dict[int, int] = {}

    def placed(number: int, tried: set[int]) -> bool:
        for at in allowed[number]:
            if at not in tried:
                tried.add(at)
                if at not in taken or placed(taken[at], tried):
                    taken[at] = number
                    return True
        return False

    return all(placed(number, set()) for number in range(len(wanted)))


def _fields_allowed(given: Mapping[str, Any], allowed: Mapping[str, Any]) -> bool:
    return not given.keys() - allowed.keys() and all(
        _allowed(given[name], _values(values)) if name in given else _LEFT_OUT in _values(values)
        for name, values in allowed.items()
    )


def _allowed(given: Any, values: Sequence[Any]) -> bool:
    return any(_same(given, each) for each in values)


def _values(values: Any) -> Sequence[Any]:
    # Deep inside, the data has some values where it has lists of them elsewhere. Where a list has none, nothing or an
    # empty list is meant.
    return (cast("list[Any]", values) or [_LEFT_OUT, []]) if isinstance(values, list) else [values]


def _same(given: Any, wanted: Any) -> bool:
    match wanted:
        case bool() | None:
            return given is wanted
        case str():
            return isinstance(given, str) and _plain(given) == _plain(wanted)
        case int() | float():
            return isinstance(given, int | float) and not isinstance(given, bool) and given == wanted
        case list():
            return isinstance(given, list) and _each_same(cast("list[Any]", given), cast("list[Any]", wanted))
        case dict():
            return isinstance(given, dict) and _fields_allowed(
                cast("dict[str, Any]", given), cast("dict[str, Any]", wanted)
            )
        case _:
            return False


def _each_same(given: Sequence[Any], wanted: Sequence[Any]) -> bool:
    return len(given) == len(wanted) and all(map(_same, given, wanted))


def _plain(text: str) -> str:
    return _UNSEEN.sub("", text).lower().replace("'", '"')


def _example(allowed: Mapping[str, Any], required: frozenset[str] = frozenset()) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, each in allowed.items():
        values = _values(each)
        if _LEFT_OUT not in values:
            found[name] = _first(values[0])
        elif name in required:
            found[name] = _first(next((value for value in values if value != _LEFT_OUT), _LEFT_OUT))
    return found


def _first(value: Any) -> Any:
    if isinstance(value, dict):
        return _example(cast("dict[str, Any]", value))
    return [_first(each) for each in cast("list[Any]", value)] if isinstance(value, list) else value
