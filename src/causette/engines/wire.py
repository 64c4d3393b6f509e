"""The OpenAI protocol as it goes over the wire between Causette and its engines, in both directions.

Chunks are decoded once here and nowhere else. Two extensions, both optional: ``usage.causette`` carries the measured
compute, and a request may have ``ignore_eos`` and ``continue_reply``.
"""

from typing import Any, Final, get_args

import msgspec

from causette.engines.types import (
    ChatMessage,
    Completed,
    Compute,
    Delta,
    FinishReason,
    GenerateRequest,
    ResponseFormat,
    Sampling,
    TokenLogprob,
    Usage,
)

REQUEST_ID_HEADER = "x-request-id"


class WireCompute(msgspec.Struct, omit_defaults=True):
    """What only our own engines report."""

    compute_ns: int = 0
    queue_ns: int = 0


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


class WireMessage(msgspec.Struct, omit_defaults=True):
    """The ``delta`` of a streamed choice."""

    role: str | None = None
    content: str | None = None


class WireChoice(msgspec.Struct):
    """One choice of a streamed chunk; ``text`` instead of ``delta`` for plain completions."""

    index: int = 0
    delta: WireMessage | None = None
    text: str | None = None
    logprobs: WireLogprobs | None = None
    finish_reason: str | None = None

    def to_delta(self) -> Delta:
        """The domain's form."""
        return Delta(
            index=self.index,
            text=(self.delta.content if self.delta else self.text) or "",
            logprobs=self.logprobs.token_logprobs_of() if self.logprobs else (),
            finish_reason=_finish_reason(self.finish_reason),
        )


_FINISH_REASONS: Final[dict[str, FinishReason]] = {
    **{reason: reason for reason in get_args(FinishReason)},
    # Other servers' words.
    "max_tokens": "length",
    "model_length": "length",
    "function_call": "tool_calls",
}


def _finish_reason(said: str | None) -> FinishReason | None:
    """A server's word for why a reply ended. One that is not known still says that it ended."""
    return _FINISH_REASONS.get(said, "stop") if said else None


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


class WireErrorBody(msgspec.Struct):
    """The body of an answer with an error status."""

    #: Some servers send the message alone.
    error: WireError | str

    def details(self) -> WireError:
        """The error, as an object in any case."""
        return WireError(self.error) if isinstance(self.error, str) else self.error


def request_body(request: GenerateRequest, model: str) -> dict[str, Any]:
    """The JSON body that asks an OpenAI-compatible server for ``request``, always as a stream with usage."""
    sampling = request.sampling
    body: dict[str, Any] = {
        "model": model,
        "stream": True,
        "stream_options": {"include_usage": True},
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
    body["messages"] = [{"role": turn.role, "content": turn.content} for turn in request.prompt]
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


class WireRequest(msgspec.Struct):
    """The body that :func:`request_body` makes, as an embedded engine reads it."""

    model: str
    prompt: str | None = None
    messages: list[ChatMessage] | None = None
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

    def generate_request(self, request_id: str) -> GenerateRequest:
        """The domain's form."""
        return GenerateRequest(
            id=request_id,
            model=self.model,
            prompt=tuple(self.messages) if self.messages is not None else (self.prompt or ""),
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
