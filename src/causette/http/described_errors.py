"""The refusals in the OpenAPI description, as they are answered. What the framework says of them is not what comes.

Any route may refuse for reasons that are not its own (nobody is signed in, too much at once, the database is away), so
that each describes its refusals in one word, ``default``.
"""

from typing import Any, Final

_PROBLEM: Final = {
    "title": "Problem",
    "description": "Why it was refused (RFC 9457)",
    "type": "object",
    "required": ["type", "title", "status", "detail", "code"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What was wrong, and what to do"},
        "code": {"type": "string", "description": "The same as a word that programs know it by"},
        "errors": {
            "type": "array",
            "description": "What is wrong with each field",
            "items": {
                "type": "object",
                "required": ["field", "message"],
                "properties": {"field": {"type": "string"}, "message": {"type": "string"}},
            },
        },
    },
}
_OPENAI_ERROR: Final = {
    "title": "OpenAIError",
    "description": "Why it was refused, as OpenAI says it",
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["message", "type", "param", "code"],
            "properties": {
                "message": {"type": "string", "description": "What was wrong, and what to do"},
                "type": {"type": "string"},
                "param": {"anyOf": [{"type": "string"}, {"type": "null"}]},
                "code": {"anyOf": [{"type": "string"}, {"type": "null"}]},
            },
        }
    },
}
# The framework's own, which nothing here answers with.
_FRAMEWORKS: Final = ("HTTPValidationError", "ValidationError")


def describe_errors(document: dict[str, Any]) -> None:
    """Have ``document`` say what refusals look like: problems everywhere, on ``/v1`` OpenAI's envelope."""
    schemas: dict[str, Any] = document["components"]["schemas"]
    for name in _FRAMEWORKS:
        schemas.pop(name, None)
    schemas |= {"Problem": _PROBLEM, "OpenAIError": _OPENAI_ERROR}
    for path, operations in document["paths"].items():
        name, kind = ("OpenAIError", "json") if path.startswith("/v1/") else ("Problem", "problem+json")
        content = {f"application/{kind}": {"schema": {"$ref": f"#/components/schemas/{name}"}}}
        for operation in operations.values():
            operation["responses"].pop("422", None)
            operation["responses"]["default"] = {"description": "Refused", "content": content}
