"""What a request asks of the ledger before any work is done: its bounds, its offers, and how it is known again."""

import hashlib
from dataclasses import dataclass
from typing import Final

import msgspec

from causette.accounts.types import Caller
from causette.engines.types import ChatMessage, EmbedRequest, GenerateRequest
from causette.errors import InvalidRequest
from causette.gateway.deployments import Deployment
from causette.ids import new_id
from causette.ledger.prices import FREE
from causette.ledger.types import Hold, Offer, Repetition
from causette.plans import Entitlements
from causette.safety import Surface

# What a chat template adds: a system prompt of its own, and a few tokens around each message.
_TEMPLATE_TOKENS: Final = 96
_MESSAGE_TOKENS: Final = 12
# What a model makes of a large picture: rather more than most do.
_PICTURE_TOKENS: Final = 4_096
# What today's tokenizers make of English prose.
_BYTES_A_TOKEN: Final = 4

_encode: Final = msgspec.json.Encoder().encode
_OFFER_FREE: Final = (Offer(name="included", price=FREE),)


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a request comes from, as far as the books care.

    Args:
        surface: where it was asked: by a program with a key, or in a conversation.
        purpose: ``reply``, or ``title`` for what the house asks on its own account and charges to nobody.
        idempotency_key: the client's own name for this request.
        repeats: the sender says that it sent this before.
        continues: the request's id is a reply's, which may take several requests to write.
    """

    surface: Surface
    purpose: str = "reply"
    idempotency_key: str | None = None
    repeats: bool = False
    continues: bool = False


def generation_hold(
    caller: Caller, request: GenerateRequest, deployment: Deployment, allowed: Entitlements, origin: Origin
) -> Hold:
    """The hold for a request for text.

    Raises:
        InvalidRequest: it asks for more than the plan allows.
        Forbidden, Unavailable: see `Entitlements.offers`.
    """
    context = deployment.engine.context
    bound = prompt_bound(request.prompt) + sum(len(_encode(tool)) for tool in request.tools)
    shown = _PICTURE_TOKENS * pictures_in(request.prompt)
    if allowed.context is not None and bound - shown > 8 * allowed.context:
        # Surely too long, however the tokens fall; what is closer is left to the engine to count.
        raise InvalidRequest(
            f"Your plan ({allowed.plan_id}) takes prompts of up to {allowed.context} tokens, and this one is longer. "
            "Shorten it.",
            code="context_length_exceeded",
            param="messages",
        )
    most = min(context, allowed.max_output or context, allowed.context or context)
    wanted = min(request.sampling.max_tokens or most, most)
    return _hold(
        caller,
        deployment,
        allowed,
        origin,
        request.id,
        input_bound=bound,
        output_wanted=wanted * request.n,
        output_least=request.n,
        images=pictures_in(request.prompt),
        content=request,
    )


def embedding_hold(
    caller: Caller, request: EmbedRequest, deployment: Deployment, allowed: Entitlements, origin: Origin
) -> Hold:
    """The hold for a request for vectors.

    Raises:
        Forbidden, Unavailable: see `Entitlements.offers`.
    """
    bound = sum(len(text.encode("utf-8", "surrogatepass")) + _MESSAGE_TOKENS for text in request.inputs)
    return _hold(
        caller,
        deployment,
        allowed,
        origin,
        request.id,
        input_bound=bound,
        output_wanted=0,
        output_least=0,
        images=0,
        content=request,
    )


def granted(request: GenerateRequest, output_granted: int, context: int) -> GenerateRequest:
    """``request`` with its replies bounded by what was granted for all of them together.

    Without a bound of its own it stays as it is where each reply may fill the ``context``: the engine knows what room
    the prompt leaves.
    """
    each = output_granted // request.n
    if each >= context and request.sampling.max_tokens is None:
        return request
    most = min(each, request.sampling.max_tokens or each)
    return msgspec.structs.replace(
        request, sampling=msgspec.structs.replace(request.sampling, max_tokens=most)
    )


def prompt_bound(prompt: tuple[ChatMessage, ...] | str) -> int:
    """At least as many tokens as ``prompt`` has: no tokenizer in use makes more tokens than there are bytes."""
    if isinstance(prompt, str):
        return len(prompt.encode("utf-8", "surrogatepass")) + 1
    size = sum(len(turn.content.encode("utf-8", "surrogatepass")) + len(turn.role) for turn in prompt)
    # What few turns have.
    size += sum(
        len(turn.reasoning.encode("utf-8", "surrogatepass")) + len(_encode(turn.tool_calls))
        for turn in prompt
        if turn.reasoning or turn.tool_calls
    )
    size += _PICTURE_TOKENS * pictures_in(prompt)
    return size + _TEMPLATE_TOKENS + _MESSAGE_TOKENS * len(prompt)


def pictures_in(prompt: tuple[ChatMessage, ...] | str) -> int:
    """How many pictures a prompt shows."""
    return 0 if isinstance(prompt, str) else sum(len(turn.pictures) for turn in prompt)


def estimated_input(input_bound: int) -> int:
    """About how many tokens a prompt has whose `prompt_bound` is known: rather too few of them than too many.

    The room for a template is not counted. Where there is none, and in all that is no English prose, the truth is more.
    """
    return max(1, (input_bound - _TEMPLATE_TOKENS - _MESSAGE_TOKENS) // _BYTES_A_TOKEN)


def _hold(
    caller: Caller,
    deployment: Deployment,
    allowed: Entitlements,
    origin: Origin,
    engine_request_id: str,
    *,
    input_bound: int,
    output_wanted: int,
    output_least: int,
    images: int,
    content: GenerateRequest | EmbedRequest,
) -> Hold:
    own = origin.purpose != "reply"
    return Hold(
        id=new_id("req"),
        payer_id=caller.payer_id,
        user_id=caller.user.id,
        workspace_id=caller.workspace_id,
        key_id=caller.key_id,
        plan_id=allowed.plan_id,
        surface=origin.surface,
        purpose=origin.purpose,
        model=deployment.name,
        engine_request_id=engine_request_id,
        offers=_OFFER_FREE
        if own
        else allowed.offers(deployment.label, caller, aliases=deployment.other_names),
        input_bound=input_bound,
        output_wanted=output_wanted,
        output_least=output_least,
        images=images,
        idempotency_key=origin.idempotency_key,
        repetition=None if own or origin.continues else _repetition(caller, origin, content),
        continues=origin.continues,
    )


def _repetition(caller: Caller, origin: Origin, content: GenerateRequest | EmbedRequest) -> Repetition:
    # The request's own id is new each time; all else is what it asks.
    asked = _encode(msgspec.structs.replace(content, id=""))
    who = (caller.key_id or caller.session_id or caller.user.id).encode()
    digest = hashlib.blake2b(who + b"\0" + asked, digest_size=16).digest()
    return Repetition(fingerprint=digest, claimed=origin.repeats)
