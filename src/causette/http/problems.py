"""Errors on ``/api``: problem details (RFC 9457)."""

import math
import re
from collections.abc import Iterable
from typing import Any, Final, cast

from fastapi.exceptions import RequestValidationError
from starlette.responses import JSONResponse

from causette.errors import CausetteError

_TITLES: Final = {
    400: "Bad request",
    401: "Not signed in",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    409: "Conflict",
    413: "Too large",
    415: "Unsupported media type",
    422: "Some fields need correcting",
    429: "Too many requests",
    500: "Internal error",
    503: "Unavailable",
}
# What names a field, as against one of the types that a field may have ("str", "list[str]").
_FIELD: Final = re.compile(r"(?!(?:str|int|float|bool)$)[A-Za-z_]\w*")


def problem(
    status: int,
    detail: str,
    code: str,
    *,
    fields: Iterable[tuple[str, str]] = (),
    headers: dict[str, str] | None = None,
) -> JSONResponse:
    """A problem document. ``fields`` are pairs of a field's name and what is wrong with it."""
    body: dict[str, object] = {
        "type": "about:blank",
        "title": _TITLES.get(status, "Error"),
        "status": status,
        "detail": detail,
        "code": code,
    }
    if errors := [{"field": field, "message": message} for field, message in fields]:
        body["errors"] = errors
    return JSONResponse(body, status, headers=headers, media_type="application/problem+json")


def problem_of(error: CausetteError) -> JSONResponse:
    """A domain error as a problem document."""
    status = 422 if error.status == 400 and error.param else error.status
    fields = [(error.param, error.message)] if error.param else []
    return problem(status, error.message, error.code, fields=fields, headers=retry_headers(error))


def problem_of_validation(error: RequestValidationError) -> JSONResponse:
    """A body or parameter that does not have the documented shape."""
    fields = [
        (field_name(item["loc"]), str(item["msg"]).removeprefix("Value error, "))
        for item in problems_in(error)
    ]
    detail = "; ".join(f"{field}: {message}" if field else message for field, message in fields)
    return problem(422, detail, "invalid_request", fields=fields)


def problems_in(error: RequestValidationError) -> list[dict[str, Any]]:
    """The validator's findings. Of the ways in which one value is none of several types, the one that came furthest."""
    found: list[dict[str, Any]] = []
    for item in cast("list[dict[str, Any]]", list(error.errors())):
        choice = _choice(item["loc"])
        if choice is None or not found or _choice(found[-1]["loc"]) != choice:
            found.append(item)
        elif len(item["loc"]) > len(found[-1]["loc"]):
            found[-1] = item
    return found


def _choice(location: tuple[str | int, ...]) -> tuple[str | int, ...] | None:
    """The place of a value that may be of several types, when ``location`` leads through one of them."""
    for depth, part in enumerate(location):
        if isinstance(part, str) and not _FIELD.fullmatch(part):
            return location[:depth]
    return None


def field_name(location: Iterable[str | int]) -> str:
    """A validator's location as people write it: ``messages[0].content``."""
    name = ""
    for part in list(location)[1:]:
        if isinstance(part, str) and not _FIELD.fullmatch(part):
            continue
        name += f"[{part}]" if isinstance(part, int) else f".{part}" if name else part
    return name


def retry_headers(error: CausetteError) -> dict[str, str]:
    """``Retry-After`` in whole seconds, never too few, where the error knows one."""
    return {} if error.retry_after is None else {"retry-after": str(max(1, math.ceil(error.retry_after)))}
