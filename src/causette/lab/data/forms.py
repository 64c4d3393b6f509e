"""The forms that records are written in, as the field's tools write them, and what can be wrong with each.

The first form whose fields a row has is taken; a field that is null counts as absent.

- ``prompt, chosen, rejected``: a preference (TRL). The answers may be whole conversations; without a ``prompt``
  what they begin with is the prompt.
- ``input.messages, preferred_output, non_preferred_output``: a preference (OpenAI's fine-tuning).
- ``prompt, completion, label``: a labelled answer (TRL's KTO).
- ``messages``: a conversation (OpenAI's fine-tuning), of which every assistant message is learned.
- ``prompt, completion``: a conversation; assistant messages within the prompt are learned as well.
- ``text``: a document.

Prompts and answers are strings or lists of messages. Other fields are not read, except those without which a row
would teach something else than it says (tools and their calls, weights): they are refused.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, TypeGuard, cast, get_args

from causette.lab.data.problems import Flaw
from causette.lab.types import Conversation, Labelled, Message, Preference, Record, Role, Text

#: The fields that are looked at; of a Parquet file no other column is read.
FIELDS: Final = (
    "chosen",
    "completion",
    "functions",
    "input",
    "label",
    "messages",
    "non_preferred_output",
    "preferred_output",
    "prompt",
    "rejected",
    "text",
    "tools",
)
_FORMS: Final = (
    "messages; prompt and completion; prompt, completion and label; prompt, chosen and rejected; or text"
)
#: The fields whose texts are read where nothing else matters, and those that are where a row has neither of them.
_TEXTS: Final = ("text", "messages")
_OTHER_TEXTS: Final = (
    "prompt",
    "input.messages",
    "completion",
    "chosen",
    "rejected",
    "preferred_output",
    "non_preferred_output",
)
_ROLES: Final = get_args(Role)
#: Reads a row: what it says, or all that is wrong with it.
Form = Callable[[object], Record | list[Flaw]]


def record_of(row: object) -> Record | list[Flaw]:
    """The record that a row says, or all that is wrong with it."""
    reader = _Row.of(row)
    return reader if isinstance(reader, list) else _or_flaws(reader.record(), reader)


def prompt_of(row: object) -> Record | list[Flaw]:
    """The prompt of a row as a conversation that has no answer yet, whether the row has answers or not."""
    reader = _Row.of(row)
    return (
        reader if isinstance(reader, list) else _or_flaws(Conversation(messages=reader.only_prompt()), reader)
    )


def texts_in(row: object) -> tuple[str, ...] | list[Flaw]:
    """The texts of a row, whoever says them: its ``text`` and ``messages``, or what another form has of them.

    Nothing is taught with them: order and roles are no matter, and what is empty is left out.
    """
    reader = _Row.of(row)
    if isinstance(reader, list):
        return reader
    texts = reader.texts()
    return reader.flaws or texts


def _or_flaws(record: Record, reader: "_Row") -> Record | list[Flaw]:
    return reader.flaws or record


class _Row:
    """One row being read. What cannot be read becomes a flaw, and an empty value in its place."""

    def __init__(self, fields: Mapping[str, object]) -> None:
        self._fields = fields
        self.flaws: list[Flaw] = []

    @classmethod
    def of(cls, row: object) -> "_Row | list[Flaw]":
        """What reads a row, or what is wrong with all of it."""
        if not isinstance(row, Mapping):
            return [Flaw("", f"is {_kind(row)}; a row is an object with fields: {_FORMS}")]
        fields = cast(Mapping[str, object], row).items()
        return cls({name: value for name, value in fields if value is not None})

    def only_prompt(self) -> tuple[Message, ...]:
        has = self._fields.keys()
        self._refuse_tools(self._fields, "")
        if "prompt" in has:
            field, messages = "prompt", self._prompt(self._fields["prompt"], "prompt")
        elif "input" in has:
            field, messages = "input.messages", self._prompt(self._input_messages(), "input.messages")
        elif given := has & {"messages", "chosen"}:
            field = "messages" if "messages" in given else "chosen"
            messages = self._messages(self._fields[field], field)
            while messages and messages[-1].role == "assistant":
                messages = messages[:-1]
            self._check_order(messages, field)
        else:
            self._unknown("a prompt is in messages, prompt, input or chosen")
            return ()
        if not self.flaws and (not messages or messages[-1].role == "system"):
            self._flaw(field, "asks nothing: no message of the user's is there to be answered")
        return messages

    def texts(self) -> tuple[str, ...]:
        fields = self._fields
        if isinstance(given := fields.get("input"), Mapping):
            fields = {**fields, "input.messages": cast(Mapping[str, object], given).get("messages")}
        names = [name for name in _TEXTS if name in fields] or [
            name for name in _OTHER_TEXTS if name in fields
        ]
        if not names:
            self._unknown(f"a row has {_FORMS}")
        return tuple(text for name in names for text in self._texts_at(name, fields[name]) if text)

    def _texts_at(self, field: str, value: object) -> Iterator[str]:
        if field == "text" or not _is_list(value):
            yield self._written(value, field)
            return
        for at, one in enumerate(value):
            content = cast(Mapping[str, object], one).get("content") if isinstance(one, Mapping) else None
            yield self._written(self._joined(content), f"{field}[{at}].content")

    def _written(self, value: object, field: str) -> str:
        if isinstance(value, str):
            return value
        self._flaw(field, "is missing" if value is None else f"is {_kind(value)}; it is text")
        return ""

    def record(self) -> Record:
        has = self._fields.keys()
        self._refuse_tools(self._fields, "")
        if has & {"chosen", "rejected"}:
            return self._preference("prompt", "chosen", "rejected", self._fields.get("prompt"))
        if has & {"preferred_output", "non_preferred_output"}:
            return self._preference(
                "input.messages", "preferred_output", "non_preferred_output", self._input_messages()
            )
        if has >= {"completion", "label"}:
            return self._labelled()
        if "messages" in has:
            return self._conversation(self._messages(self._fields["messages"], "messages"), "messages")
        if has & {"prompt", "completion"}:
            prompt = self._prompt(self._fields.get("prompt"), "prompt")
            before, answer = self._answer("completion")
            whole = (*prompt, *before, Message("assistant", answer))
            if before and not self.flaws:
                self._check_order(whole, "prompt + completion")
            return Conversation(messages=whole)
        if "text" in has:
            return Text(text=self._text(self._fields["text"], "text"))
        self._unknown(f"a row has {_FORMS}")
        return Text(text="")

    def _unknown(self, what_is_known: str) -> None:
        found = ", ".join(sorted(self._fields)[:8]) or "no field"
        self._flaw("", f"has {found}; {what_is_known}")

    def _flaw(self, field: str, what: str) -> None:
        self.flaws.append(Flaw(field, what))

    def _input_messages(self) -> object:
        given = self._fields.get("input")
        if not isinstance(given, Mapping):
            return None
        fields = cast(Mapping[str, object], given)
        self._refuse_tools(fields, "input.")
        return fields.get("messages")

    def _refuse_tools(self, fields: Mapping[str, object], prefix: str) -> None:
        for name in ("tools", "functions"):
            if fields.get(name):
                self._flaw(prefix + name, "is not read; write the tools into the system message")

    def _preference(self, prompt_field: str, chosen_field: str, rejected_field: str, given: object) -> Record:
        before_chosen, chosen = self._answer(chosen_field)
        before_rejected, rejected = self._answer(rejected_field)
        if given is None and before_chosen:
            prompt, prompt_field = before_chosen, chosen_field
            self._check_prompt(prompt, chosen_field)
        else:
            prompt = self._prompt(given, prompt_field)
        for field, before in ((chosen_field, before_chosen), (rejected_field, before_rejected)):
            if before and prompt and before != prompt:
                self._flaw(field, f"begins with other messages than {prompt_field}")
        if chosen and chosen == rejected:
            self._flaw(rejected_field, f"is the same as {chosen_field}: neither is preferred")
        return Preference(prompt=prompt, chosen=chosen, rejected=rejected)

    def _labelled(self) -> Record:
        prompt = self._prompt(self._fields.get("prompt"), "prompt")
        before, answer = self._answer("completion")
        if before:
            self._flaw("completion", f"has {len(before) + 1} messages; it is one, the assistant's")
        label = self._fields["label"]
        if not isinstance(label, bool):
            self._flaw("label", f"is {_short(label)}; use true for a good answer or false for a bad one")
        return Labelled(prompt=prompt, completion=answer, label=label is True)

    def _conversation(self, messages: tuple[Message, ...], field: str) -> Record:
        if messages:
            self._check_order(messages, field)
            if messages[-1].role != "assistant":
                last = f"{field}[{len(messages) - 1}].role"
                self._flaw(last, f"is {messages[-1].role!r}; the last message is the assistant's")
        return Conversation(messages=messages)

    def _prompt(self, value: object, field: str) -> tuple[Message, ...]:
        if isinstance(value, str):
            text = self._text(value, field)
            return (Message("user", text),) if text else ()
        messages = self._messages(value, field)
        if messages:
            self._check_prompt(messages, field)
        return messages

    def _check_prompt(self, messages: tuple[Message, ...], field: str) -> None:
        self._check_order(messages, field)
        if messages[-1].role == "assistant":
            last = f"{field}[{len(messages) - 1}].role"
            self._flaw(last, "is 'assistant'; a prompt ends before the assistant's message")

    def _answer(self, field: str) -> tuple[tuple[Message, ...], str]:
        """The last message, the assistant's, and those before it in the same field."""
        value = self._fields.get(field)
        if value is None or isinstance(value, str):
            return (), self._text(value, field)
        messages = self._messages(value, field)
        if not messages:
            return (), ""
        if messages[-1].role != "assistant":
            last = f"{field}[{len(messages) - 1}].role"
            self._flaw(last, f"is {messages[-1].role!r}; the answer is the assistant's")
        return messages[:-1], messages[-1].content

    def _messages(self, value: object, field: str) -> tuple[Message, ...]:
        """All messages of a list, or none if any of them has a flaw."""
        if value is None:
            self._flaw(field, "is missing")
            return ()
        if not _is_list(value):
            self._flaw(field, f"is {_kind(value)}; it is a list of messages with role and content")
            return ()
        if not value:
            self._flaw(field, "has no message")
        before = len(self.flaws)
        messages = tuple(self._message(one, f"{field}[{at}]") for at, one in enumerate(value))
        return messages if len(self.flaws) == before else ()

    def _message(self, value: object, field: str) -> Message:
        if not isinstance(value, Mapping):
            self._flaw(field, f"is {_kind(value)}; a message has role and content")
            return Message("user", "")
        given = cast(Mapping[str, object], value)
        role = given.get("role")
        if role == "developer":
            role = "system"
        if role not in _ROLES:
            what = "is missing" if role is None else f"is {_short(role)}"
            self._flaw(f"{field}.role", f"{what}; use {', '.join(_ROLES[:-1])} or {_ROLES[-1]}")
            role = "user"
        for name in ("tool_calls", "function_call"):
            if given.get(name):
                self._flaw(f"{field}.{name}", "is not read; write the call into content, as the model does")
        if given.get("weight") == 0:
            self._flaw(f"{field}.weight", "is 0, and every assistant message is learned; take the row out")
        content = given.get("content")
        if role == "tool" and content == "":
            return Message("tool", "")
        return Message(cast(Role, role), self._text(self._joined(content), f"{field}.content"))

    def _joined(self, content: object) -> object:
        """The text of a content that is a list of parts, each of them text; other content as it is."""
        if not _is_list(content):
            return content
        texts: list[str] = []
        for part in content:
            text = cast(Mapping[str, object], part).get("text") if isinstance(part, Mapping) else None
            if not isinstance(text, str):
                return content
            texts.append(text)
        return "".join(texts)

    def _text(self, value: object, field: str) -> str:
        if value is None:
            self._flaw(field, "is missing")
        elif not isinstance(value, str):
            self._flaw(field, f"is {_kind(value)}; it is text")
        elif not value or value.isspace():
            self._flaw(field, "is empty")
        elif "\0" in value:
            self._flaw(field, f"has a NUL character at {value.index(chr(0))}; take it out")
        else:
            return value
        return ""

    def _check_order(self, messages: Sequence[Message], field: str) -> None:
        before: Role | None = None
        for at, message in enumerate(messages):
            if message.role == "system" and before is not None:
                self._flaw(f"{field}[{at}].role", "is 'system'; only the first message can be")
                continue
            if message.role == "assistant" and before in {None, "system"}:
                self._flaw(f"{field}[{at}].role", "is 'assistant'; the user's message comes before it")
            elif message.role == "tool" and before not in {"assistant", "tool"}:
                self._flaw(f"{field}[{at}].role", "is 'tool'; the assistant's message comes before it")
            before = message.role


def _is_list(value: object) -> TypeGuard[Sequence[object]]:
    return isinstance(value, list | tuple)


def _kind(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return "text"
        case list() | tuple():
            return "a list"
        case _:
            return "an object"


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:39]}…"
