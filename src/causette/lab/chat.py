"""Conversations and texts as token ids, and which of them are learned."""

import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Final, cast

from jinja2 import TemplateError
from tokenizers import AddedToken, Tokenizer
from transformers import PreTrainedTokenizerFast

from causette.errors import ConfigurationError, InvalidRequest
from causette.lab.types import Encoded, Message

#: What a document of pretraining ends with, by the names that models give it.
_ENDS_OF_TEXT: Final = ("<|endoftext|>", "<|end_of_text|>", "</s>")
#: Characters for private use (Unicode 23.5), one of which a conversation will not have.
_PRIVATE: Final = range(0xF0000, 0xFFFFE)
_PROBE: Final = (
    Message("system", "Be brief."),
    Message("user", "Where is the 1st café?\n"),
    Message("assistant", "Over there.\n\nOf 2."),
    Message("user", "Thanks!"),
)


class ChatTokenizer:
    """Encodes with ``tokenizer`` and its chat template, the way that the model is asked later.

    Only the template writes control tokens: where a message has the text of one, such as ``<|im_end|>``, it is encoded
    as the characters that somebody wrote, and is nobody's turn.

    Raises:
        ConfigurationError: the tokenizer does not cut text at control tokens, which byte-level ones do.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerFast) -> None:
        self.tokenizer = tokenizer
        backend = tokenizer.backend_tokenizer
        # A copy: how the tokenizer is set is its owner's business.
        self._ordinary = Tokenizer.from_str(backend.to_str())
        self._ordinary.encode_special_tokens = True
        self._ordinary.no_truncation()
        self._ordinary.no_padding()
        added = backend.get_added_tokens_decoder()
        # The longest first, as one may begin with another.
        control = sorted(
            ((token, id_) for id_, token in added.items() if token.special),
            key=lambda pair: -len(pair[0].content),
        )
        self._control_ids = [id_ for _, id_ in control]
        self._control = re.compile("|".join(f"({_pattern(token)})" for token, _ in control) or "(?!)")
        begins = "|".join(re.escape(token.content) for token, _ in control) or "(?!)"
        self._beginning = re.compile(f"(?={begins})(.)", re.DOTALL)
        #: Ends a document.
        self.end_of_text_id = self._end_of_text()
        self._check()

    @cached_property
    def end_id(self) -> int:
        """The control token that ends the assistant's messages."""
        return self.encode_completion("")[-1]

    def encode(self, messages: Sequence[Message]) -> Encoded:
        """A conversation. Learned is what the assistant says, its end-of-message token included.

        The ids begin with `encode_prompt` of what comes before any message of the assistant.

        Raises:
            InvalidRequest: the chat template does not take these messages, or writes an earlier message differently
                once a later one is there, so that nobody can say which tokens are whose.
        """
        return self._encode(messages, prompt=False)

    def encode_prompt(self, messages: Sequence[Message]) -> list[int]:
        """A conversation up to where the assistant is to go on.

        Raises:
            InvalidRequest: as for `encode`.
        """
        return list(self._encode(messages, prompt=True).ids)

    def encode_completion(self, text: str) -> list[int]:
        """What the assistant adds to an `encode_prompt` to say ``text`` and end its message."""
        encoded = self.encode([_PROBE[1], Message("assistant", text)])
        return [id_ for id_, learned in zip(encoded.ids, encoded.learned, strict=True) if learned]

    def encode_text(self, text: str) -> Encoded:
        """A document, all of which is learned, and that it ends there."""
        ids = [*self._ordinary_ids(text), self.end_of_text_id]
        return Encoded(ids, [True] * len(ids))

    def decode(self, ids: Sequence[int]) -> str:
        """The text of tokens. Control tokens have none."""
        return cast("str", self.tokenizer.decode(list(ids), skip_special_tokens=True))

    def _encode(self, messages: Sequence[Message], *, prompt: bool) -> Encoded:
        if not messages or messages[0].role == "assistant":
            raise InvalidRequest(
                "A conversation begins with a message of the system's or the user's; this one begins with "
                f"{'the assistant' if messages else 'nothing'}.",
                param="messages",
            )
        contents = "".join(message.content for message in messages)
        mark = next(mark for mark in map(chr, _PRIVATE) if mark not in contents)
        marked = [
            Message(message.role, self._beginning.sub(rf"\1{mark}", message.content)) for message in messages
        ]
        ids: list[int] = []
        learned: list[bool] = []
        for text, is_learned in self._parts(marked, prompt=prompt):
            ids += self._ids(text, mark)
            learned += [is_learned] * (len(ids) - len(learned))
        return Encoded(ids, learned)

    def _parts(self, messages: Sequence[Message], *, prompt: bool) -> Iterator[tuple[str, bool]]:
        """The conversation's text, cut where it begins to be learned, or ends to be."""
        text = self._rendered(messages, prompt=prompt)
        at = 0
        for index, message in enumerate(messages):
            if message.role != "assistant":
                continue
            opening = self._rendered(messages[:index], prompt=True)
            closed = self._rendered(messages[: index + 1], prompt=False)
            end = max((match.end() for match in self._control.finditer(closed, len(opening))), default=0)
            if not (
                closed.startswith(opening) and text.startswith(closed[:end]) and at <= len(opening) < end
            ):
                raise InvalidRequest(
                    f"The chat template writes what comes before or in message {index}, the assistant's, differently "
                    "once it goes on, or does not end it with a control token: what is to be learned cannot be told. "
                    "Cut the conversation after its first answer, or use another template.",
                    param="messages",
                )
            yield text[at : len(opening)], False
            yield text[len(opening) : end], True
            at = end
        yield text[at:], False

    def _rendered(self, messages: Sequence[Message], *, prompt: bool) -> str:
        if self.tokenizer.chat_template is None:
            raise InvalidRequest(
                "This tokenizer has no chat template: it encodes texts, not conversations.", param="messages"
            )
        turns = [{"role": message.role, "content": message.content} for message in messages]
        try:
            rendered = self.tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=prompt)
        except TemplateError as error:
            raise InvalidRequest(
                f"The chat template does not take these messages: {error}", param="messages"
            ) from None
        return cast("str", rendered)

    def _ids(self, text: str, mark: str) -> list[int]:
        """Token ids of text whose control tokens are the template's; ``mark`` is in those that are not."""
        ids: list[int] = []
        at = 0
        for match in self._control.finditer(text):
            assert match.lastindex is not None
            ids += self._ordinary_ids(text[at : match.start()].replace(mark, ""))
            ids.append(self._control_ids[match.lastindex - 1])
            at = match.end()
        return ids + self._ordinary_ids(text[at:].replace(mark, ""))

    def _ordinary_ids(self, text: str) -> list[int]:
        return self._ordinary.encode(text, add_special_tokens=False).ids

    def _end_of_text(self) -> int:
        for token in (*_ENDS_OF_TEXT, cast("str | None", self.tokenizer.eos_token)):
            id_ = None if token is None else self._ordinary.token_to_id(token)
            if id_ in self._control_ids:
                return id_
        raise ConfigurationError(
            f"The tokenizer has none of {', '.join(_ENDS_OF_TEXT)}, and no other token that ends a text."
        )

    def _check(self) -> None:
        single = [id_ for id_ in self._control_ids if len(self._ordinary.id_to_token(id_) or "") == 1]
        alike = True
        if self.tokenizer.chat_template is not None:
            probe = _PROBE[1:]
            whole = self.tokenizer.backend_tokenizer.encode(
                self._rendered(probe, prompt=True), add_special_tokens=False
            )
            alike = whole.ids == self.encode_prompt(probe)
        if single or not alike:
            raise ConfigurationError(
                "This tokenizer encodes a text differently after a control token, or has control tokens of one "
                "character; byte-level BPE tokenizers do neither, and are what can be trained with here."
            )


def _pattern(token: AddedToken) -> str:
    """What a control token takes up of the text: some take the spaces beside them."""
    return ("\\s*" if token.lstrip else "") + re.escape(token.content) + ("\\s*" if token.rstrip else "")
