"""Names for properties that nobody declared."""

import string
from typing import Final

from causette.engines.embedded.grammar.automata import Automaton, explore
from causette.engines.embedded.grammar.charsets import PLAIN, CharSet, chars, common, complement, union

# States that telling further names from the declared ones may cost.
_MAX_STATES: Final = 12
# Small models that may begin a name with a comma do, and lose the thread.
_FIRST: Final = common(PLAIN, union((*chars(string.ascii_letters + string.digits + "_$@"), (0xC0, 0x10FFFF))))
_END: Final = "\0"


def further_names(declared: list[str]) -> Automaton:
    """Names that begin with a letter, a digit, _, $ or @, and are none of ``declared``.

    Nor do they begin like a declared name, for as many characters as it takes to stay small.
    """
    ended = [name + _END for name in declared]  # so that a name may be another one's beginning
    longest = max(map(len, ended), default=1)
    size = next(size for size in range(longest, 0, -1) if size == 1 or _states(ended, size) <= _MAX_STATES)
    excluded = {name[:size] for name in ended}
    inner = {name[:count] for name in excluded for count in range(size)}

    def step(read: str | None) -> list[tuple[CharSet, str | None]]:
        if read is None:
            return [(PLAIN, None)]
        possible = PLAIN if read else _FIRST
        following = sorted({name[len(read)] for name in excluded if name.startswith(read) and name != read})
        others = common(possible, complement(chars("".join(following))))
        alike = [(common(possible, chars(char)), read + char) for char in following if read + char in inner]
        return [(others, None), *alike]

    return explore("", step, lambda read: read is None or (read != "" and read + _END not in excluded))


def _states(names: list[str], size: int) -> int:
    return len({name[:count] for name in names for count in range(size)})
