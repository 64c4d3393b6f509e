"""The exception tree. What a caller did wrong, or what the house cannot do right now, as values.

Every error carries a stable machine-readable ``code``, the HTTP ``status`` it becomes at the edge, a ``message``
for people (what was wrong, with what value, and what to do), and where it applies the ``param`` (the name of the
offending field). ``/api`` turns them into problem details (RFC 9457), ``/v1`` into OpenAI's envelope, and the
command line into one line on standard error with exit code 1.
"""

from typing import ClassVar


class CausetteError(Exception):
    """The root of everything Causette raises on purpose."""

    status: ClassVar[int] = 500
    default_code: ClassVar[str] = "internal_error"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        self.param = param
        #: Seconds after which the same call may succeed; None where repeating it is no help.
        self.retry_after = retry_after


class InvalidRequest(CausetteError):
    """The request is malformed or asks for something that does not exist; repeating it will not help."""

    status = 400
    default_code = "invalid_request"


class NotAuthenticated(CausetteError):
    """No session or key, or one that is unknown, expired or revoked."""

    status = 401
    default_code = "not_authenticated"


class Forbidden(CausetteError):
    """The caller is known and may not do this, whoever owns the thing."""

    status = 403
    default_code = "forbidden"


class NotFound(CausetteError):
    """There is no such thing, or it is somebody else's: the two are told apart to nobody."""

    status = 404
    default_code = "not_found"


class Conflict(CausetteError):
    """The thing is not in a state that allows this."""

    status = 409
    default_code = "conflict"


class TooLarge(CausetteError):
    """The body has more bytes than are read; a smaller one may be taken."""

    status = 413
    default_code = "body_too_large"


class UnsupportedContentType(CausetteError):
    """The body is of a kind that is not read here."""

    status = 415
    default_code = "unsupported_content_type"


class TooManyRequests(CausetteError):
    """A limit of the caller's or of the house's is reached; ``retry_after`` says when to come back."""

    status = 429
    default_code = "rate_limited"


class Unavailable(CausetteError):
    """Something this request needs is down or starting; the same request may succeed later."""

    status = 503
    default_code = "unavailable"


class ConfigurationError(CausetteError):
    """The owner's configuration cannot work as written."""

    default_code = "configuration"
