"""What runs a stranger's function, in a process of its own: a script that needs the standard library alone.

Lines of JSON come in: what to run, then the arguments of each call; a line goes out for each. Values are written so
that tuples, sets and keys that are not text come through.
"""

import base64
import builtins
import ctypes
import json
import os
import resource
import sys
from importlib import import_module
from typing import Any, Final, cast

# What functions import. Once the filter holds no file is opened, and no other module comes in.
_IMPORTED: Final = (
    *("abc", "array", "ast", "bisect", "calendar", "cmath", "collections", "collections.abc", "copy"),
    *("dataclasses", "datetime", "decimal", "enum", "fractions", "functools", "hashlib", "heapq"),
    *("itertools", "json", "math", "numbers", "operator", "queue", "random", "re", "statistics"),
    *("string", "textwrap", "time", "types", "typing", "unicodedata", "_strptime"),
)
_KINDS: Final[dict[str, type]] = {"list": list, "tuple": tuple, "set": set}
# linux/prctl.h
_NO_NEW_PRIVILEGES: Final = 38
_SECCOMP: Final = 22
_FILTER: Final = 2


def written(value: Any) -> Any:
    """A value as JSON can hold it.

    Raises:
        TypeError: it is of a kind that is not data.
    """
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, dict):
        return {
            "dict": [[written(key), written(each)] for key, each in cast("dict[Any, Any]", value).items()]
        }
    for name, kind in _KINDS.items():
        if isinstance(value, kind):
            return {name: [written(each) for each in cast("list[Any]", value)]}
    raise TypeError(f"{type(value).__name__} is not data")


def read(value: Any) -> Any:
    """The value that was written.

    Raises:
        KeyError, TypeError, ValueError: it is not what `written` gives.
    """
    if not isinstance(value, dict):
        return value
    ((name, parts),) = cast("dict[str, list[Any]]", value).items()
    if name == "dict":
        return {read(key): read(each) for key, each in parts}
    return _KINDS[name](read(each) for each in parts)


class _Nowhere:
    """Takes what is printed."""

    def write(self, text: str) -> int:
        return len(text)

    def flush(self) -> None:
        pass


class _Program(ctypes.Structure):
    """``struct sock_fprog``."""

    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_void_p))


def _confine(instructions: bytes, *, seconds: int, memory: int) -> None:
    limits = {
        resource.RLIMIT_AS: memory,
        resource.RLIMIT_CPU: seconds,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_NOFILE: 0,
        resource.RLIMIT_NPROC: 0,
    }
    for limit, value in limits.items():
        resource.setrlimit(limit, (value, value))
    held = ctypes.create_string_buffer(instructions, len(instructions))
    program = _Program(len(instructions) // 8, ctypes.addressof(held))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0) or libc.prctl(
        _SECCOMP, _FILTER, ctypes.byref(program), 0, 0
    ):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def main() -> None:
    """Run what comes in, until nothing does."""
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)

    def answer(what: dict[str, Any]) -> None:
        answers.write(json.dumps(what).encode() + b"\n")
        answers.flush()

    task = json.loads(requests.readline())
    for name in _IMPORTED:
        import_module(name)
    # OpenSSL reads its configuration the first time.
    import_module("hashlib").md5(b"", usedforsecurity=False).hexdigest()
    sys.stdout = sys.stderr = _Nowhere()  # pyright: ignore[reportAttributeAccessIssue]
    try:
        _confine(base64.b64decode(task["filter"]), seconds=task["seconds"], memory=task["memory"])
    except (OSError, ValueError) as error:
        answer({"refused": str(error)})
        return
    answer({"refused": None})

    here: dict[str, Any] = {"__name__": "reply", "__builtins__": builtins}
    exec(compile(task["code"], "<reply>", "exec"), here)  # noqa: S102 - what all of this is for
    function = here[task["function"]]
    for line in requests:
        try:
            answer({"value": written(function(*read(json.loads(line))))})
        except BaseException as error:
            answer({"error": type(error).__name__})


if __name__ == "__main__":
    main()
