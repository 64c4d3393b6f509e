"""Places in a caller's schema, and the refusals that name them."""

from dataclasses import dataclass

from causette.errors import InvalidRequest


class Unsatisfiable(InvalidRequest):
    """No value fulfils the schema. Inside an ``anyOf`` this drops the branch; elsewhere it refuses the request."""


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where in a schema something stands; printed as a JSON pointer (RFC 6901) with a leading ``#``."""

    steps: tuple[str, ...] = ()

    def __truediv__(self, step: str | int) -> "Place":
        return Place((*self.steps, str(step)))

    def __str__(self) -> str:
        return "".join(("#", *("/" + step.replace("~", "~0").replace("/", "~1") for step in self.steps)))

    def refuse(self, why: str) -> InvalidRequest:
        """The error to raise for what cannot be followed here."""
        return InvalidRequest(self._message(why), code="invalid_json_schema", param="response_format")

    def impossible(self, why: str) -> Unsatisfiable:
        """The error to raise for what no value can fulfil."""
        return Unsatisfiable(self._message(why), code="invalid_json_schema", param="response_format")

    def _message(self, why: str) -> str:
        return f"response_format.json_schema.schema at {self}: {why}."
