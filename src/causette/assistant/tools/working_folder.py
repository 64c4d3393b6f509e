"""The files that Python finds in its working folder: what is attached to the messages that lead to a reply."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

#: Bytes of all of them: a browser holds them beside Python's own memory.
MOST_BYTES: Final = 100_000_000
_MOST_FILES: Final = 50
# A model is told so many names.
_MOST_TOLD: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkingFile:
    """One of them, under a ``name`` that no other one there has."""

    id: str
    name: str
    #: Bytes.
    size: int


@dataclass(frozen=True, slots=True)
class WorkingFolder:
    """The files, the newest first, and the names of those that are too much to be there."""

    files: tuple[WorkingFile, ...] = ()
    left: tuple[str, ...] = ()

    def told(self) -> str:
        """What a model is told of it; "" where there is nothing."""
        if not self.files:
            return ""
        names = [f"{file.name} ({file.size} bytes)" for file in self.files[:_MOST_TOLD]]
        more = len(self.files) - len(names)
        return f"Its working folder has: {', '.join(names)}{f' and {more} older files' if more else ''}."


def folder_of(attachments: Sequence[dict[str, object]]) -> WorkingFolder:
    """The folder with these attachments, which come the newest first.

    Of several with one name the newest has it, and the others have a number. The newest have the room, too.
    """
    files: dict[str, WorkingFile] = {}
    names: set[str] = set()
    left: list[str] = []
    room = MOST_BYTES
    for attached in attachments:
        file_id, name, size = str(attached["id"]), str(attached["name"]), int(str(attached["size"]))
        if file_id in files:
            continue
        if size > room or len(files) == _MOST_FILES:
            left.append(name)
            continue
        room -= size
        name = _free(name, names)
        names.add(name.casefold())
        files[file_id] = WorkingFile(id=file_id, name=name, size=size)
    return WorkingFolder(tuple(files.values()), tuple(dict.fromkeys(left)))


def _free(name: str, taken: set[str]) -> str:
    path, number, free = PurePosixPath(name), 1, name
    while free.casefold() in taken:
        number += 1
        free = f"{path.stem} ({number}){path.suffix}"
    return free
