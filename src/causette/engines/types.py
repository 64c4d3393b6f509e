"""What goes into an engine and what comes out: prompts in; tokens, vectors and *measured compute* out.

An engine knows no user and no price. Every implementation (embedded or remote) speaks these types, and one test
suite runs against all of them.
"""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import msgspec

FinishReason = Literal["stop", "length", "tool_calls", "content_filter"]

#: How long a model that thinks before it answers may do so. ``off``: not at all, where it can do without.
Effort = Literal["off", "low", "medium", "high"]


class ToolCall(msgspec.Struct, frozen=True):
    """A model's wish to have a tool run; ``arguments`` is JSON text, as the model wrote it."""

    id: str
    name: str
    arguments: str


class ToolSpec(msgspec.Struct, frozen=True):
    """A tool that a model may ask for; ``parameters`` is the JSON Schema of its arguments."""

    name: str
    description: str
    parameters: dict[str, object]


class Picture(msgspec.Struct, frozen=True, omit_defaults=True):
    """A picture in a turn: one that we keep, whose bytes are read when they are sent, or a ``data:`` URL as it came.

    Args:
        url: the whole picture, as ``data:image/png;base64,…``.
        sha256: the blob that it is, otherwise.
        owner_id: whose blob.
        media_type: what kind of picture.
        detail: how closely to look, in OpenAI's words.
    """

    url: str = ""
    sha256: str = ""
    owner_id: str = ""
    media_type: str = ""
    detail: Literal["auto", "low", "high"] | None = None


class ChatMessage(msgspec.Struct, frozen=True, omit_defaults=True):
    """One turn of a chat, as the engine's template sees it."""

    role: str
    content: str
    #: What an assistant's turn thought before its content. Engines see that of the last turn only.
    reasoning: str = ""
    #: The tools that an assistant's turn asked for.
    tool_calls: tuple[ToolCall, ...] = ()
    #: Which of those a turn of the role ``tool`` is the result of.
    tool_call_id: str | None = None
    #: What it shows before its content, for models that see.
    pictures: tuple[Picture, ...] = ()


class ResponseFormat(msgspec.Struct, frozen=True):
    """A grammar the reply must follow. ``schema`` is a JSON Schema; None means any JSON object."""

    schema: dict[str, object] | None = None
    name: str = "response"


class Sampling(msgspec.Struct, frozen=True):
    """How tokens are chosen. Ranges are OpenAI's; the HTTP edges have validated them.

    None leaves a choice to whoever comes next: the deployment's own defaults, then the engine's.
    """

    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    repetition_penalty: float | None = None
    seed: int | None = None
    stop: tuple[str, ...] = ()
    #: The log-probability of each chosen token is wanted.
    logprobs: bool = False
    #: How many alternatives to each token are wanted too.
    top_logprobs: int = 0
    response_format: ResponseFormat | None = None
    #: Go on to max_tokens even when the model wants to end. For benchmarks.
    ignore_eos: bool = False


class GenerateRequest(msgspec.Struct, frozen=True):
    """A request for text.

    ``prompt`` is a chat, or a raw string that is continued as it stands. With ``continue_reply`` the chat's last
    message is an assistant's unfinished reply that the engine goes on writing.
    """

    id: str
    model: str
    prompt: tuple[ChatMessage, ...] | str
    sampling: Sampling = Sampling()
    #: Number of independent replies (OpenAI's ``n``).
    n: int = 1
    continue_reply: bool = False
    #: None leaves it to the model. Models that do not think take no notice.
    effort: Effort | None = None
    #: Taken by engines whose deployment says that they call tools; the others ignore them.
    tools: tuple[ToolSpec, ...] = ()
    tool_choice: Literal["auto", "none"] = "auto"


class ToolCallPiece(msgspec.Struct, frozen=True):
    """The next piece of one of a reply's tool calls, which ``index`` tells apart. Id and name come with the first."""

    index: int = 0
    id: str = ""
    name: str = ""
    arguments: str = ""


class TokenLogprob(msgspec.Struct, frozen=True):
    """A chosen token, its bytes as integers, and its natural-log probability."""

    token: str
    bytes: tuple[int, ...]
    logprob: float
    top: tuple["TokenLogprob", ...] = ()


class Delta(msgspec.Struct, frozen=True):
    """The next piece of one of the replies. Text is always whole characters."""

    index: int = 0
    text: str = ""
    logprobs: tuple[TokenLogprob, ...] = ()
    finish_reason: FinishReason | None = None
    #: Tokens that were made for this request so far, over all its replies: at least so many where the engine keeps no
    #: count of its own (see docs/engines.md), and 0 where nothing is known.
    output_tokens: int = 0
    #: The next piece of what it thinks before it answers; it comes before any text.
    reasoning: str = ""
    tool_calls: tuple[ToolCallPiece, ...] = ()


class Usage(msgspec.Struct, frozen=True):
    """Token counts. ``cached_tokens`` is part of ``input_tokens``, ``reasoning_tokens`` part of ``output_tokens``."""

    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0


class Compute(msgspec.Struct, frozen=True):
    """What the work took, measured by the engine's step loop; zeros where an engine does not say.

    ``compute_ns`` is this request's share of the machine's busy time, such that the shares of all requests add up to
    the busy time exactly. ``queue_ns`` is the wait before its first step. Both are nanoseconds.
    """

    compute_ns: int = 0
    queue_ns: int = 0


class Completed(msgspec.Struct, frozen=True):
    """The last item of every stream that was not broken off."""

    usage: Usage
    compute: Compute = Compute()


class EmbedRequest(msgspec.Struct, frozen=True):
    """Texts whose vectors are wanted, at most ``dimensions`` long each when that is given."""

    id: str
    model: str
    inputs: tuple[str, ...]
    dimensions: int | None = None


@dataclass(frozen=True, slots=True)
class Embeddings:
    """One vector a text, in order, each of Euclidean length 1; shape (texts, dimensions)."""

    vectors: Sequence[Sequence[float]]
    usage: Usage
    compute: Compute


class Engine(Protocol):
    """One model that answers. Whether it takes ``generate`` or ``embed`` is the deployment's ``kind``.

    Both raise ``InvalidRequest`` for what this model cannot do (a prompt longer than its context has the code
    ``context_length_exceeded``), ``TooManyRequests`` when its queue is full, and ``Unavailable`` when it is starting,
    stopping or was lost mid-way; only the last two are worth repeating.
    """

    @property
    def context(self) -> int:
        """The longest prompt plus reply, in tokens."""
        ...

    def generate(self, request: GenerateRequest) -> AsyncGenerator[Delta | Completed]:
        """Deltas as they are made, then one ``Completed``. Closing the iterator stops the work at once."""
        ...

    async def embed(self, request: EmbedRequest) -> Embeddings:
        """The vectors of the request's texts."""
        ...

    async def account(self, request_id: str) -> Completed | None:
        """What a request took that was broken off, or whose stream was lost; None where the engine does not know it.

        May be asked as soon as the request's iterator is closed: the answer is final. Raises nothing.
        """
        ...

    async def ready(self) -> bool:
        """Whether a request sent now would be worked on."""
        ...
