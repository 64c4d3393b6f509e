"""The OpenAI protocol as it goes over the wire between Causette and its engines, in both directions.

Chunks are decoded once here and nowhere else. Three extensions, all optional: ``usage.causette`` carries the measured
compute, a chunk's ``causette`` the count of tokens so far, and a request may have ``ignore_eos``, ``continue_reply``
and ``causette_effort``.
"""

from typing import Any, Final, Literal, get_args

import msgspec

from causette.engines.types import (
    ChatMessage,
    Completed,
    Compute,
    Delta,
    Effort,
    FinishReason,
    GenerateRequest,
    Picture,
    ResponseFormat,
    Sampling,
    TokenLogprob,
    ToolCallPiece,
    ToolSpec,
    Usage,
)

REQUEST_ID_HEADER = "x-request-id"

#: How a server is told how long to think: not at all, by OpenAI's ``reasoning_effort``, by the switch of its chat
#: template (vLLM, SGLang), or as our own engine.
Thinking = Literal["none", "effort", "template", "causette"]


class WireCompute(msgspec.Struct, omit_defaults=True):
    """What only our own engines report."""

    compute_ns: int = 0
    queue_ns: int = 0


class WireProgress(msgspec.Struct):
    """How far a reply is: what only our own engines report with each chunk."""

    output_tokens: int = 0


class WirePromptDetails(msgspec.Struct):
    """Tokens of the prompt that were found in a prefix cache."""

    cached_tokens: int | None = 0


class WireCompletionDetails(msgspec.Struct):
    """Tokens of the reply that were thinking."""

    reasoning_tokens: int | None = 0


class WireUsage(msgspec.Struct):
    """OpenAI's ``usage`` object."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    total_tokens: int = 0
    prompt_tokens_details: WirePromptDetails | None = None
    completion_tokens_details: WireCompletionDetails | None = None
    #: Only between an engine and the gateway: what a request cost its owner is not its sender's to see.
    causette: WireCompute | msgspec.UnsetType = msgspec.UNSET

    @classmethod
    def of(cls, usage: Usage) -> "WireUsage":
        """The wire form of a finished request's usage."""
        return cls(
            prompt_tokens=usage.input_tokens,
            completion_tokens=usage.output_tokens,
            total_tokens=usage.input_tokens + usage.output_tokens,
            prompt_tokens_details=WirePromptDetails(usage.cached_tokens),
            completion_tokens_details=WireCompletionDetails(usage.reasoning_tokens),
        )

    @classmethod
    def account(cls, done: Completed) -> "WireUsage":
        """The wire form of what a request took, compute included."""
        usage = cls.of(done.usage)
        usage.causette = WireCompute(done.compute.compute_ns, done.compute.queue_ns)
        return usage

    def completed(self) -> Completed:
        """The domain's form: usage, and compute where the engine reported it."""
        prompt, reply, ours = self.prompt_tokens_details, self.completion_tokens_details, self.causette
        return Completed(
            usage=Usage(
                input_tokens=self.prompt_tokens,
                cached_tokens=(prompt.cached_tokens or 0) if prompt else 0,
                output_tokens=self.completion_tokens,
                reasoning_tokens=(reply.reasoning_tokens or 0) if reply else 0,
            ),
            compute=Compute(ours.compute_ns, ours.queue_ns) if isinstance(ours, WireCompute) else Compute(),
        )


class WireTopLogprob(msgspec.Struct):
    """An alternative to a chosen token. No bytes at all (a control token) are an empty list; servers may omit them."""

    token: str
    logprob: float
    bytes: list[int] | None = None

    def token_logprob(self) -> TokenLogprob:
        """The domain's form."""
        return TokenLogprob(self.token, self._bytes(), self.logprob)

    def _bytes(self) -> tuple[int, ...]:
        return tuple(self.token.encode() if self.bytes is None else self.bytes)


class WireTokenLogprob(WireTopLogprob):
    """A chosen token with its alternatives."""

    top_logprobs: list[WireTopLogprob] = []

    def token_logprob(self) -> TokenLogprob:
        """The domain's form."""
        top = tuple(item.token_logprob() for item in self.top_logprobs)
        return TokenLogprob(self.token, self._bytes(), self.logprob, top)

    @classmethod
    def of(cls, token: TokenLogprob) -> "WireTokenLogprob":
        """The wire form."""
        top = [WireTopLogprob(item.token, item.logprob, list(item.bytes)) for item in token.top]
        return cls(token.token, token.logprob, list(token.bytes), top)


class WireLogprobs(msgspec.Struct, omit_defaults=True):
    """OpenAI's ``logprobs`` object: ``content`` of chat completions, or the parallel lists of plain ones."""

    content: list[WireTokenLogprob] | None = None
    tokens: list[str] | None = None
    token_logprobs: list[float | None] | None = None
    top_logprobs: list[dict[str, float] | None] | None = None

    def token_logprobs_of(self) -> tuple[TokenLogprob, ...]:
        """The domain's form."""
        if self.content is not None:
            return tuple(item.token_logprob() for item in self.content)
        tokens, logprobs = self.tokens or [], self.token_logprobs or []
        tops = self.top_logprobs or [None] * len(tokens)
        return tuple(
            TokenLogprob(
                token,
                tuple(token.encode()),
                # The first token of an echoed prompt has none.
                logprob or 0.0,
                tuple(TokenLogprob(other, tuple(other.encode()), its) for other, its in (top or {}).items()),
            )
            for token, logprob, top in zip(tokens, logprobs, tops, strict=False)
        )


class WireFunction(msgspec.Struct, omit_defaults=True):
    """The next piece of a call's name and arguments."""

    name: str | None = None
    arguments: str | None = None


class WireToolCall(msgspec.Struct, omit_defaults=True):
    """A piece of a tool call; servers that send whole calls may leave the index out."""

    index: int | None = None
    id: str | None = None
    type: str | None = None
    function: WireFunction | None = None

    def piece(self, position: int) -> ToolCallPiece:
        """The domain's form; ``position`` is the call's in its chunk."""
        function = self.function or WireFunction()
        index = position if self.index is None else self.index
        return ToolCallPiece(index, self.id or "", function.name or "", function.arguments or "")

    @classmethod
    def of(cls, piece: ToolCallPiece) -> "WireToolCall":
        """The wire form."""
        function = WireFunction(piece.name or None, piece.arguments)
        return cls(piece.index, piece.id or None, "function" if piece.id else None, function)


class WireMessage(msgspec.Struct, omit_defaults=True):
    """The ``delta`` of a streamed choice."""

    role: str | None = None
    content: str | None = None
    #: What the model thinks; servers have two names for it.
    reasoning_content: str | None = None
    reasoning: str | None = None
    tool_calls: list[WireToolCall] | None = None


class WireChoice(msgspec.Struct):
    """One choice of a streamed chunk; ``text`` instead of ``delta`` for plain completions."""

    index: int = 0
    delta: WireMessage | None = None
    text: str | None = None
    logprobs: WireLogprobs | None = None
    finish_reason: str | None = None

    @property
    def piece(self) -> str:
        """The choice's next text, in either shape."""
        return (self.delta.content if self.delta else self.text) or ""

    @property
    def thought(self) -> str:
        """The choice's next piece of thinking."""
        return (self.delta.reasoning_content or self.delta.reasoning or "") if self.delta else ""

    @property
    def calls(self) -> tuple[ToolCallPiece, ...]:
        """The next pieces of the tool calls that the choice makes."""
        calls = (self.delta.tool_calls or ()) if self.delta else ()
        return tuple(call.piece(position) for position, call in enumerate(calls))

    @property
    def least_tokens(self) -> int:
        """How many tokens this has, as far as one can see: a log-probability is one, a piece of text at least one."""
        logprobs = self.logprobs
        if logprobs is not None and (made := logprobs.content or logprobs.tokens):
            return len(made)
        return 1 if self.piece or self.thought or self.calls else 0

    def to_delta(self, output_tokens: int = 0) -> Delta:
        """The domain's form; ``output_tokens`` is the request's count so far."""
        return Delta(
            self.index,
            self.piece,
            self.logprobs.token_logprobs_of() if self.logprobs else (),
            _finish_reason(self.finish_reason) if self.finish_reason else None,
            output_tokens,
            self.thought,
            self.calls,
        )


_FINISH_REASONS: Final[dict[str, FinishReason]] = {
    **{reason: reason for reason in get_args(FinishReason)},
    # Other servers' words.
    "max_tokens": "length",
    "model_length": "length",
    "function_call": "tool_calls",
}


def _finish_reason(said: str) -> FinishReason:
    """A server's word for why a reply ended. One that is not known still says that it ended."""
    return _FINISH_REASONS.get(said, "stop")


class WireError(msgspec.Struct):
    """OpenAI's error object."""

    message: str = "The engine reported an error without a message."
    type: str | None = None
    param: str | None = None
    code: str | int | None = None


class WireChunk(msgspec.Struct):
    """One server-sent event of a streamed completion, or the error that ended it."""

    choices: list[WireChoice] | None = []
    usage: WireUsage | None = None
    error: WireError | None = None
    causette: WireProgress | None = None


class WireErrorBody(msgspec.Struct):
    """The body of an answer with an error status."""

    #: Some servers send the message alone.
    error: WireError | str

    def details(self) -> WireError:
        """The error, as an object in any case."""
        return WireError(self.error) if isinstance(self.error, str) else self.error


def request_body(
    request: GenerateRequest,
    model: str,
    *,
    continuous_usage: bool = False,
    thinking: Thinking = "none",
) -> dict[str, Any]:
    """The JSON body that asks an OpenAI-compatible server for ``request``, always as a stream with usage.

    With ``continuous_usage``, in each chunk: for servers that are known to take vLLM's wish for it. ``thinking`` is how
    the server is told of the request's effort.
    """
    sampling = request.sampling
    body: dict[str, Any] = {
        "model": model,
        "stream": True,
        "stream_options": {"include_usage": True}
        | ({"continuous_usage_stats": True} if continuous_usage else {}),
    }
    optional = {
        "max_tokens": sampling.max_tokens,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "top_k": sampling.top_k,
        "min_p": sampling.min_p,
        "seed": sampling.seed,
        "stop": list(sampling.stop) or None,
        "presence_penalty": sampling.presence_penalty,
        "frequency_penalty": sampling.frequency_penalty,
        "repetition_penalty": sampling.repetition_penalty,
        "n": None if request.n == 1 else request.n,
        "ignore_eos": sampling.ignore_eos or None,
    }
    body |= {name: value for name, value in optional.items() if value is not None}
    if isinstance(request.prompt, str):
        body["prompt"] = request.prompt
        if sampling.logprobs:
            body["logprobs"] = sampling.top_logprobs
        return body
    body["messages"] = [_message(turn) for turn in request.prompt]
    if request.effort is not None:
        body |= _effort(request.effort, thinking)
    if request.tools:
        body |= {"tools": [_tool(tool) for tool in request.tools], "tool_choice": request.tool_choice}
    if request.continue_reply:
        # vLLM's names for the same wish; our own engine reads them too.
        body |= {"continue_final_message": True, "add_generation_prompt": False}
    if sampling.logprobs:
        body |= {"logprobs": True, "top_logprobs": sampling.top_logprobs}
    if (wanted := sampling.response_format) is not None:
        body["response_format"] = (
            {"type": "json_object"}
            if wanted.schema is None
            else {"type": "json_schema", "json_schema": {"name": wanted.name, "schema": wanted.schema}}
        )
    return body


def _message(turn: ChatMessage) -> dict[str, Any]:
    message: dict[str, Any] = {"role": turn.role, "content": turn.content}
    if turn.pictures:
        text = [{"type": "text", "text": turn.content}] if turn.content else []
        message["content"] = [*map(_picture, turn.pictures), *text]
    if turn.tool_calls:
        message["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in turn.tool_calls
        ]
    if turn.tool_call_id is not None:
        message["tool_call_id"] = turn.tool_call_id
    if turn.reasoning:
        message["reasoning_content"] = turn.reasoning
    return message


def _picture(picture: Picture) -> dict[str, Any]:
    detail = {"detail": picture.detail} if picture.detail else {}
    return {"type": "image_url", "image_url": {"url": picture.url, **detail}}


def _tool(tool: ToolSpec) -> dict[str, Any]:
    function = {"name": tool.name, "description": tool.description, "parameters": tool.parameters}
    return {"type": "function", "function": function}


def _effort(effort: Effort, thinking: Thinking) -> dict[str, Any]:
    if thinking == "effort":
        return {"reasoning_effort": "none" if effort == "off" else effort}
    if thinking == "template":
        return {"chat_template_kwargs": {"enable_thinking": effort != "off"}}
    return {"causette_effort": effort} if thinking == "causette" else {}


class _WireJsonSchema(msgspec.Struct):
    schema: dict[str, Any]
    name: str = "response"


class _WireResponseFormat(msgspec.Struct):
    type: str
    json_schema: _WireJsonSchema | None = None

    def response_format(self) -> ResponseFormat | None:
        if self.type == "json_schema" and self.json_schema is not None:
            return ResponseFormat(self.json_schema.schema, self.json_schema.name)
        return ResponseFormat() if self.type == "json_object" else None


class _WireTurn(msgspec.Struct):
    role: str
    content: str
    reasoning_content: str = ""

    def turn(self) -> ChatMessage:
        return ChatMessage(self.role, self.content, self.reasoning_content)


class WireRequest(msgspec.Struct):
    """The body that :func:`request_body` makes, as an embedded engine reads it."""

    model: str
    prompt: str | None = None
    messages: list[_WireTurn] | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    repetition_penalty: float | None = None
    seed: int | None = None
    stop: list[str] = []
    logprobs: bool | int = False
    top_logprobs: int = 0
    response_format: _WireResponseFormat | None = None
    n: int = 1
    ignore_eos: bool = False
    continue_final_message: bool = False
    causette_effort: Effort | None = None

    def generate_request(self, request_id: str) -> GenerateRequest:
        """The domain's form."""
        return GenerateRequest(
            id=request_id,
            model=self.model,
            prompt=(
                tuple(message.turn() for message in self.messages)
                if self.messages is not None
                else (self.prompt or "")
            ),
            effort=self.causette_effort,
            n=self.n,
            continue_reply=self.continue_final_message,
            sampling=Sampling(
                max_tokens=self.max_tokens,
                temperature=self.temperature,
                top_p=self.top_p,
                top_k=self.top_k,
                min_p=self.min_p,
                presence_penalty=self.presence_penalty,
                frequency_penalty=self.frequency_penalty,
                repetition_penalty=self.repetition_penalty,
                seed=self.seed,
                stop=tuple(self.stop),
                logprobs=self.logprobs is not False,
                top_logprobs=self.top_logprobs if self.logprobs is True else int(self.logprobs),
                response_format=self.response_format.response_format() if self.response_format else None,
                ignore_eos=self.ignore_eos,
            ),
        )


class WireEmbedding(msgspec.Struct):
    """One vector of an embeddings answer."""

    embedding: list[float]
    index: int = 0


class WireEmbeddings(msgspec.Struct):
    """An embeddings answer."""

    data: list[WireEmbedding]
    usage: WireUsage


class EngineStats(msgspec.Struct):
    """What an embedded engine says of itself on ``/healthz``. Times in nanoseconds, since its start."""

    model: str = ""
    running: int = 0
    waiting: int = 0
    steps: int = 0
    busy_ns: int = 0
    uptime_ns: int = 0
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    #: Share of the KV cache in use, 0 to 1.
    cache_usage: float = 0.0
