"""Whether a file has records of the one kind that is wanted, line by line."""

from pathlib import Path
from typing import Final

from causette.errors import InvalidRequest
from causette.lab.data import BadData, Problems, read
from causette.lab.data.problems import Flaw
from causette.lab.types import Conversation, Labelled, Preference, Record, Text

_KINDS: Final[dict[str, type[Record]]] = {
    "text": Text,
    "conversation": Conversation,
    "preference": Preference,
    "labelled": Labelled,
}


def check_file(path: Path, *, kind: str, title: str, param: str) -> None:
    """Read all of the file at ``path``, which people know as ``title``.

    Raises:
        InvalidRequest: a row cannot be read, or is of another kind (``invalid_training_file``); the message has up to
            twenty places, ``param`` is that of the caller.
    """
    problems, wanted = Problems(), _KINDS[kind]
    try:
        for row in read([path], bad_rows="skip", problems=problems):
            if not isinstance(row.record, wanted):
                found = next(name for name, each in _KINDS.items() if isinstance(row.record, each))
                problems.add(row.place, [Flaw("", f"is a {found}, and this takes {kind}s")])
    except BadData as error:
        problems = error.problems
    if not problems.count:
        return
    lines = [
        f"line {each.place.line}: {f'{each.flaw.field} ' if each.flaw.field else ''}{each.flaw.what}"
        if each.place.line
        else f"it {each.flaw.what}"
        for each in sorted(problems.told, key=lambda each: each.place.line)
    ]
    noun = "problem" if problems.count == 1 else "problems"
    raise InvalidRequest(
        f"{problems.count} {noun} in {title}: " + "; ".join(lines), code="invalid_training_file", param=param
    )
