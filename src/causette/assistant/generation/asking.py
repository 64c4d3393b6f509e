"""How a model is asked to go on with a reply: with what was said, what its tools found, and what it wrote so far.

Models with tool calls of their own get each round as they made it. The others get what was found with the question, and
are asked for a call as structured output, which any model can give: first whether one of the tools would help, in a few
tokens that a grammar keeps in shape; then the answer itself, as free text.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, cast

import msgspec

from causette.assistant.generation.parts import Step, StepStatus, Story, Thinking
from causette.assistant.tools.types import Tool
from causette.engines.types import ChatMessage, ResponseFormat, ToolCall, ToolSpec

NO_TOOL: Final = "none"
_ANSWER_NOW: Final = "Use no more tools. Answer with what you have."


class Wanted(msgspec.Struct, frozen=True):
    """A tool that the model asks for. ``arguments`` is None when they are no JSON object."""

    name: str
    arguments: dict[str, object] | None


def specs(tools: Iterable[Tool]) -> tuple[ToolSpec, ...]:
    """The tools as engines are told of them."""
    return tuple(ToolSpec(tool.name, tool.description, tool.parameters) for tool in tools)


def wanted(name: str, arguments: str) -> Wanted:
    """A call as a model wrote it."""
    try:
        read = json.loads(arguments or "{}")
    except ValueError:
        read = None
    return Wanted(name, cast("dict[str, object]", read) if isinstance(read, dict) else None)


def rounds(story: Story, results: Mapping[str, str]) -> list[ChatMessage]:
    """What the reply consists of so far, as the turns of a model that calls tools itself.

    The last turn is the unfinished text, where there is any after the last step.
    """
    turns: list[ChatMessage] = []
    text, start = story.text, 0
    by_round: dict[int, list[Step]] = {}
    for step in story.steps:
        by_round.setdefault(step.round, []).append(step)
    for steps in by_round.values():
        end = steps[0].at
        calls = tuple(
            ToolCall(step.id, step.name, json.dumps(step.arguments, ensure_ascii=False)) for step in steps
        )
        turns.append(ChatMessage("assistant", text[start:end], tool_calls=calls))
        turns += [
            ChatMessage("tool", outcome(step, results), tool_call_id=step.id)
            for step in steps
            if step.status.over
        ]
        start = end
    return turns


def unfinished(story: Story) -> ChatMessage | None:
    """The turn that the model is in the middle of."""
    steps = story.steps
    start = steps[-1].at if steps else 0
    after = story.parts[story.parts.index(steps[-1]) + 1 :] if steps else story.parts
    thought = "".join(part.text for part in after if isinstance(part, Thinking))
    text = story.text[start:]
    return ChatMessage("assistant", text, thought) if text or thought else None


def with_findings(
    turns: Sequence[ChatMessage], steps: Sequence[Step], results: Mapping[str, str], *, last: bool = False
) -> list[ChatMessage]:
    """``turns`` whose last one, the question, tells what tools have found."""
    if not steps:
        return list(turns)
    found = "\n\n".join(f"{_call(step)}:\n{outcome(step, results)}" for step in steps)
    question = turns[-1]
    note = f"\n\n{_ANSWER_NOW}" if last else ""
    content = f"{question.content}\n\nWhat tools found for this message:\n\n{found}{note}"
    return [*turns[:-1], msgspec.structs.replace(question, content=content)]


def outcome(step: Step, results: Mapping[str, str]) -> str:
    """What a model is told of a step."""
    match step.status:
        case StepStatus.DONE:
            return results.get(step.id) or step.summary or "Done."
        case StepStatus.REFUSED:
            return "The reader did not allow this." if not step.reason else "The reader did not answer."
        case _:
            return f"This failed: {step.summary or step.reason or 'no reason given'}."


def decision_prompt(tools: Sequence[Tool]) -> str:
    """What asks for a call or for none."""
    lines = [f"- {tool.name}({_names(tool)}): {tool.description}" for tool in tools]
    return (
        "Before you answer the last message you may use one of these tools:\n"
        + "\n".join(lines)
        + f'\nReply with JSON only: {{"tool": its name, "arguments": …}} to use one, or {{"tool": "{NO_TOOL}"}} '
        "when you can answer without, or with what they have found already."
    )


def decision_format(tools: Sequence[Tool], *, loose: bool = False) -> ResponseFormat:
    """The grammar of a decision. ``loose`` leaves the arguments open: not every schema can be made a grammar."""
    branches: list[object] = [_branch(NO_TOOL, None)]
    branches += [_branch(tool.name, {"type": "object"} if loose else tool.parameters) for tool in tools]
    return ResponseFormat({"anyOf": branches}, "decision")


def decided(answer: str) -> Wanted | None:
    """The call in a decision; None for none, and for what is no decision."""
    try:
        read = json.loads(answer)
    except ValueError:
        return None
    if not isinstance(read, dict):
        return None
    fields = cast("dict[str, object]", read)
    name, arguments = fields.get("tool"), fields.get("arguments", {})
    if not isinstance(name, str) or name == NO_TOOL:
        return None
    return Wanted(name, cast("dict[str, object]", arguments) if isinstance(arguments, dict) else None)


def _branch(name: str, arguments: dict[str, object] | None) -> dict[str, object]:
    properties: dict[str, object] = {"tool": {"const": name}}
    if arguments is not None:
        properties["arguments"] = arguments
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _names(tool: Tool) -> str:
    properties = tool.parameters.get("properties")
    return ", ".join(cast("dict[str, object]", properties)) if isinstance(properties, dict) else ""


def _call(step: Step) -> str:
    arguments = ", ".join(
        f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in step.arguments.items()
    )
    return f"{step.name}({arguments})"
