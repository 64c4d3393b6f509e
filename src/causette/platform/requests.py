"""What ``/v1`` takes, as OpenAI defines it, and its translation into the engines' words.

Parameters that no deployed engine can honour are refused by name rather than ignored; those that only describe the
request to OpenAI's own house (``user``, ``metadata``, ``store``…) are taken and change nothing.
"""

from typing import Annotated, Any, Literal, cast

import msgspec
from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationInfo,
    field_validator,
    model_validator,
)

from causette.engines.types import (
    ChatMessage,
    EmbedRequest,
    GenerateRequest,
    Picture,
    ResponseFormat,
    Sampling,
)
from causette.errors import InvalidRequest

_MOST_CHOICES = 16
_MOST_STOPS = 4
_MOST_INPUTS = 2048
_LARGEST_SEED = 2**63 - 1

# Engines keep counts as 32-bit integers.
_Count = Annotated[int, Field(ge=1, le=2**31 - 1)]
_Penalty = Annotated[float, Field(ge=-2, le=2)]
_Text = Annotated[str, Field(max_length=4_000_000)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class TextPart(_Body):
    """A piece of a message."""

    type: Literal["text"]
    text: _Text


class ImageUrl(_Body):
    """A picture, as a ``data:`` URL: this server fetches nothing for a stranger, and has no engine do so."""

    url: Annotated[str, Field(pattern=r"^data:image/(png|jpeg|gif|webp);base64,[A-Za-z0-9+/=]+$")]
    detail: Literal["auto", "low", "high"] | None = None


class ImagePart(_Body):
    """A picture in a message, for models that see."""

    type: Literal["image_url"]
    image_url: ImageUrl


def _kind_of(part: object) -> str | None:
    kind = (
        cast("dict[str, object]", part).get("type") if isinstance(part, dict) else getattr(part, "type", None)
    )
    return f"{kind} part"


#: Told apart by their type, under names that no field has: an error's place has the fields alone.
_Part = Annotated[
    Annotated[TextPart, Tag("text part")] | Annotated[ImagePart, Tag("image_url part")],
    Discriminator(_kind_of),
]


class MessageIn(BaseModel):
    """One message of a chat. Fields of other products' messages are taken and not shown to the model."""

    model_config = ConfigDict(extra="ignore")

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: _Text | list[_Part] | None = None

    @field_validator("content", mode="before")
    @classmethod
    def _text_and_pictures(cls, content: object) -> object:
        if isinstance(content, list):
            for part in cast("list[object]", content):
                kind = cast("dict[str, object]", part).get("type") if isinstance(part, dict) else None
                if kind not in {"text", "image_url"}:
                    raise ValueError(f"text and image_url are read; a content part of type {kind!r} was sent")
        return cast("object", content)

    def turn(self) -> ChatMessage:
        """The engines' form; OpenAI's newer name for the system is the older one to templates."""
        content = self.content
        role = "system" if self.role == "developer" else self.role
        if not isinstance(content, list):
            return ChatMessage(role, content or "")
        text = "".join(part.text for part in content if isinstance(part, TextPart))
        pictures = tuple(
            Picture(url=part.image_url.url, detail=part.image_url.detail)
            for part in content
            if isinstance(part, ImagePart)
        )
        return ChatMessage(role, text, pictures=pictures)


class JsonSchemaIn(_Body):
    """A named JSON Schema."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    name: Annotated[str, Field(pattern=r"^[a-zA-Z0-9_-]{1,64}$")]
    schema_: Annotated[dict[str, Any], Field(alias="schema")]
    description: str | None = None
    strict: bool | None = None

    @field_validator("schema_")
    @classmethod
    def _can_be_written(cls, schema: dict[str, Any]) -> dict[str, Any]:
        try:
            msgspec.json.encode(schema)
        except UnicodeEncodeError:
            raise ValueError("it holds half a character (a lone surrogate)") from None
        return schema


class ResponseFormatIn(_Body):
    """What the reply must look like."""

    type: Literal["text", "json_object", "json_schema"]
    json_schema: JsonSchemaIn | None = None

    @model_validator(mode="after")
    def _schema_belongs(self) -> "ResponseFormatIn":
        if (self.type == "json_schema") != (self.json_schema is not None):
            raise ValueError("json_schema is given with the type 'json_schema', and only then")
        return self

    def response_format(self) -> ResponseFormat | None:
        """The engines' form."""
        if self.type == "text":
            return None
        return (
            ResponseFormat(self.json_schema.schema_, self.json_schema.name)
            if self.json_schema
            else ResponseFormat()
        )


class StreamOptions(_Body):
    """How a stream is sent."""

    include_usage: bool = False
    include_obfuscation: bool | None = None


class _Sampled(_Body):
    """The parameters that chat and plain completions share."""

    model: Annotated[str, Field(min_length=1, max_length=256)]
    stream: bool | None = False
    stream_options: StreamOptions | None = None
    n: Annotated[int | None, Field(ge=1, le=_MOST_CHOICES)] = None
    temperature: Annotated[float | None, Field(ge=0, le=2)] = None
    top_p: Annotated[float | None, Field(ge=0, le=1)] = None
    presence_penalty: _Penalty | None = None
    frequency_penalty: _Penalty | None = None
    stop: str | list[str] | None = None
    seed: Annotated[int | None, Field(ge=-_LARGEST_SEED, le=_LARGEST_SEED)] = None
    max_tokens: _Count | None = None
    logit_bias: dict[str, float] | None = None
    user: str | None = None
    # Extensions that vLLM and llama-server have too.
    top_k: _Count | None = None
    min_p: Annotated[float | None, Field(ge=0, le=1)] = None
    repetition_penalty: Annotated[float | None, Field(gt=0, le=2)] = None
    ignore_eos: bool = False

    @field_validator("stop")
    @classmethod
    def _few_stops(cls, stop: str | list[str] | None) -> str | list[str] | None:
        stops = [stop] if isinstance(stop, str) else stop or []
        if len(stops) > _MOST_STOPS:
            raise ValueError(f"at most {_MOST_STOPS} stop strings are taken, {len(stops)} were sent")
        if not all(stops):
            raise ValueError("a stop string may not be empty")
        return stop

    @field_validator("stream_options")
    @classmethod
    def _of_a_stream(cls, options: StreamOptions | None, info: ValidationInfo) -> StreamOptions | None:
        if options is not None and not info.data.get("stream"):
            raise ValueError("it is only taken when stream is true")
        return options

    def sampling(self, *, max_tokens: int | None, logprobs: bool, top_logprobs: int) -> Sampling:
        """The engines' form of the shared parameters."""
        if self.logit_bias:
            raise InvalidRequest(
                "logit_bias is not supported by the deployed engines; leave it out.",
                code="unsupported_parameter",
                param="logit_bias",
            )
        stop = (self.stop,) if isinstance(self.stop, str) else tuple(self.stop or ())
        return Sampling(
            max_tokens=max_tokens,
            temperature=self.temperature,
            top_p=self.top_p,
            top_k=self.top_k,
            min_p=self.min_p,
            presence_penalty=self.presence_penalty,
            frequency_penalty=self.frequency_penalty,
            repetition_penalty=self.repetition_penalty,
            seed=self.seed,
            stop=stop,
            logprobs=logprobs,
            top_logprobs=top_logprobs,
            ignore_eos=self.ignore_eos,
        )


class ChatCompletionBody(_Sampled):
    """``POST /v1/chat/completions``."""

    messages: Annotated[list[MessageIn], Field(min_length=1, max_length=10_000)]
    max_completion_tokens: _Count | None = None
    logprobs: bool | None = None
    top_logprobs: Annotated[int | None, Field(ge=0, le=20)] = None
    response_format: ResponseFormatIn | None = None
    # Taken, and of no consequence here.
    metadata: dict[str, str] | None = None
    store: bool | None = None
    service_tier: str | None = None
    prompt_cache_key: str | None = None
    safety_identifier: str | None = None
    modalities: list[Literal["text"]] | None = None

    @field_validator("top_logprobs")
    @classmethod
    def _of_logprobs(cls, top: int | None, info: ValidationInfo) -> int | None:
        if top is not None and not info.data.get("logprobs"):
            raise ValueError("it is only taken when logprobs is true")
        return top

    def generate_request(self, request_id: str) -> GenerateRequest:
        """The engines' form."""
        sampling = self.sampling(
            max_tokens=self.max_completion_tokens or self.max_tokens,
            logprobs=bool(self.logprobs),
            top_logprobs=self.top_logprobs or 0,
        )
        wanted = self.response_format.response_format() if self.response_format else None
        return GenerateRequest(
            id=request_id,
            model=self.model,
            prompt=tuple(message.turn() for message in self.messages),
            sampling=sampling if wanted is None else _with_format(sampling, wanted),
            n=self.n or 1,
        )


class CompletionBody(_Sampled):
    """``POST /v1/completions``."""

    prompt: _Text | list[_Text]
    echo: bool | None = None
    logprobs: Annotated[int | None, Field(ge=0, le=5)] = None
    suffix: None = None
    best_of: int | None = None

    @field_validator("prompt", mode="before")
    @classmethod
    def _not_tokens(cls, prompt: object) -> object:
        return _texts(prompt, "prompt", most=_MOST_CHOICES)

    @field_validator("best_of")
    @classmethod
    def _best_of_all(cls, best_of: int | None, info: ValidationInfo) -> int | None:
        if best_of is not None and best_of != (info.data.get("n") or 1):
            raise ValueError("it must equal n: every completion made is returned")
        return best_of

    @property
    def prompts(self) -> list[str]:
        """The prompts, each of which gets ``n`` completions."""
        return [self.prompt] if isinstance(self.prompt, str) else self.prompt

    def generate_requests(self, request_id: str) -> list[GenerateRequest]:
        """The engines' form: one request a prompt."""
        sampling = self.sampling(
            # OpenAI's default for this old surface.
            max_tokens=self.max_tokens or 16,
            logprobs=self.logprobs is not None,
            top_logprobs=self.logprobs or 0,
        )
        prompts = self.prompts
        return [
            GenerateRequest(
                id=request_id if len(prompts) == 1 else f"{request_id}-{position}",
                model=self.model,
                prompt=prompt,
                sampling=sampling,
                n=self.n or 1,
            )
            for position, prompt in enumerate(prompts)
        ]


class EmbeddingBody(_Body):
    """``POST /v1/embeddings``."""

    model: Annotated[str, Field(min_length=1, max_length=256)]
    input: _Text | list[_Text]
    encoding_format: Literal["float", "base64"] | None = None
    dimensions: _Count | None = None
    user: str | None = None

    @field_validator("input", mode="before")
    @classmethod
    def _not_tokens(cls, given: object) -> object:
        return _texts(given, "input", most=_MOST_INPUTS)

    @field_validator("input")
    @classmethod
    def _not_empty(cls, given: str | list[str]) -> str | list[str]:
        if not given or "" in (given if isinstance(given, list) else ()):
            raise ValueError("an input may not be empty")
        return given

    def embed_request(self, request_id: str) -> EmbedRequest:
        """The engines' form."""
        inputs = (self.input,) if isinstance(self.input, str) else tuple(self.input)
        return EmbedRequest(id=request_id, model=self.model, inputs=inputs, dimensions=self.dimensions)


def _with_format(sampling: Sampling, wanted: ResponseFormat) -> Sampling:
    return msgspec.structs.replace(sampling, response_format=wanted)


def _texts(given: object, what: str, *, most: int) -> object:
    """A text or a list of them; lists of token ids are named in the refusal."""
    if not isinstance(given, list):
        return given
    texts = cast("list[object]", given)
    if not texts:
        raise ValueError(f"the list of {what}s is empty")
    if not all(isinstance(item, str) for item in texts):
        raise ValueError(f"each {what} is text here, not token ids")
    if len(texts) > most:
        raise ValueError(f"at most {most} {what}s are taken at once, {len(texts)} were sent")
    return texts
