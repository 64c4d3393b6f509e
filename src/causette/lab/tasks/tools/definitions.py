"""What a tool is, and what people who need it ask."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Value = str | int | float | bool


@dataclass(frozen=True, slots=True)
class Parameter:
    """An argument that a tool takes."""

    name: str
    type: Literal["string", "integer", "number", "boolean"]
    about: str
    #: What questions are about.
    values: Sequence[Value]
    #: What it is where nobody says; an argument that has none is required.
    default: Value | None = None
    #: Whether it can have no other values.
    closed: bool = False

    @property
    def schema(self) -> dict[str, Any]:
        """As JSON Schema."""
        schema: dict[str, Any] = {"type": self.type, "description": self.about}
        if self.closed:
            schema["enum"] = list(
                dict.fromkeys(each for each in (*self.values, self.default) if each is not None)
            )
        if self.default is not None:
            schema["default"] = self.default
        return schema


@dataclass(frozen=True, slots=True)
class Question:
    """Words in which a tool is asked for: ``$city`` is the argument of that name."""

    words: str
    #: Arguments that the words mean without naming them.
    meant: Mapping[str, Value] = field(default_factory=dict[str, Value])


@dataclass(frozen=True, slots=True)
class Tool:
    """Something that a model can call."""

    name: str
    about: str
    #: Tools of one topic may stand in for each other.
    topic: str
    parameters: tuple[Parameter, ...]
    questions: tuple[Question, ...]

    @property
    def schema(self) -> dict[str, Any]:
        """As OpenAI's protocol describes a function."""
        return {
            "name": self.name,
            "description": self.about,
            "parameters": {
                "type": "object",
                "properties": {each.name: each.schema for each in self.parameters},
                "required": [each.name for each in self.parameters if each.default is None],
            },
        }
