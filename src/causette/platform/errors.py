"""OpenAI's error envelope, for everything that can go wrong on ``/v1``."""

import math
from typing import Any, Final

from fastapi.exceptions import RequestValidationError
from starlette.responses import JSONResponse

from causette.errors import CausetteError
from causette.http.problems import field_name, problems_in, retry_headers

_TYPES: Final = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "invalid_request_error",
    405: "invalid_request_error",
    409: "conflict_error",
    413: "invalid_request_error",
    415: "invalid_request_error",
    429: "rate_limit_error",
}
_WORTH_WAITING_SECONDS: Final = 60
# What OpenAI's clients send again of themselves. After a 500 that may well help.
_REPEATED: Final = frozenset({409, 429, 503})
# What OpenAI's API knows and no deployed engine can do.
_UNSUPPORTED: Final = frozenset(
    {
        "audio",
        "function_call",
        "functions",
        "parallel_tool_calls",
        "prediction",
        "reasoning_effort",
        "tool_choice",
        "tools",
        "verbosity",
        "web_search_options",
    }
)


def envelope(
    message: str, *, status: int, code: str | None = None, param: str | None = None
) -> dict[str, Any]:
    """The body of an error answer."""
    return {
        "error": {
            "message": message,
            "type": _TYPES.get(status, "server_error"),
            "param": param,
            "code": code,
        }
    }


def error_body(error: CausetteError) -> dict[str, Any]:
    """A domain error in the envelope, for the middle of a stream."""
    return envelope(error.message, status=error.status, code=error.code, param=error.param)


def error_response(error: CausetteError) -> JSONResponse:
    """A domain error in the envelope, as a whole answer."""
    headers = retry_headers(error)
    if error.retry_after is not None:
        # OpenAI's clients read this first; it carries fractions of a second.
        headers["retry-after-ms"] = str(math.ceil(error.retry_after * 1000))
    if error.status in _REPEATED and (
        error.retry_after is None or error.retry_after > _WORTH_WAITING_SECONDS
    ):
        # They would try again after a second or two, though it is no use.
        headers["x-should-retry"] = "false"
    return JSONResponse(error_body(error), error.status, headers=headers)


def validation_response(error: RequestValidationError) -> JSONResponse:
    """A request of the wrong shape: status 400, the first field that is wrong in ``param``."""
    first = problems_in(error)[0]
    if first["type"] == "json_invalid":
        message = f"The body is not JSON: {first['ctx']['error']} at character {first['loc'][-1]}."
        return JSONResponse(envelope(message, status=400, code="invalid_json"), 400)
    param = field_name(first["loc"]) or None
    if first["type"] == "extra_forbidden" and param in _UNSUPPORTED:
        message = f"The parameter {param!r} is not supported by the deployed models; leave it out."
        return JSONResponse(envelope(message, status=400, code="unsupported_parameter", param=param), 400)
    if first["type"] == "extra_forbidden":
        message = f"There is no parameter {param!r}. Check its spelling, or leave it out."
        return JSONResponse(envelope(message, status=400, code="unknown_parameter", param=param), 400)
    if first["type"] == "missing":
        message = f"The parameter {param!r} is missing." if param else "The body is missing."
        return JSONResponse(
            envelope(message, status=400, code="missing_required_parameter", param=param), 400
        )
    reason = str(first["msg"]).removeprefix("Value error, ")
    message = f"{param}: {reason}" if param else reason
    return JSONResponse(envelope(message, status=400, code="invalid_value", param=param), 400)


def http_response(status: int, detail: str, headers: dict[str, str]) -> JSONResponse:
    """The framework's own refusals (no such route, wrong method)."""
    return JSONResponse(envelope(detail, status=status), status, headers=headers)
