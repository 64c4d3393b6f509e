"""What is written on one side of the socket is what is read on the other."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from causette.engines.types import ChatMessage, GenerateRequest, ResponseFormat, Sampling, TokenLogprob, Usage
from causette.engines.wire import (
    WireChoice,
    WireChunk,
    WireLogprobs,
    WireMessage,
    WireRequest,
    WireTokenLogprob,
    WireUsage,
    request_body,
)

numbers = st.floats(-2, 2).map(lambda value: round(value, 3))
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
samplings = st.builds(
    Sampling,
    max_tokens=st.none() | st.integers(1, 9000),
    temperature=st.none() | st.floats(0, 2),
    top_p=st.none() | st.floats(0, 1),
    top_k=st.none() | st.integers(1, 1000),
    min_p=st.none() | st.floats(0, 1),
    presence_penalty=st.none() | numbers,
    frequency_penalty=st.none() | numbers,
    repetition_penalty=st.none() | st.floats(0.1, 2),
    seed=st.none() | st.integers(-(2**63) + 1, 2**63 - 1),
    stop=st.lists(texts.filter(len), max_size=4).map(tuple),
    logprobs=st.just(True),
    top_logprobs=st.integers(0, 20),
    ignore_eos=st.booleans(),
)
chats = st.builds(
    GenerateRequest,
    id=st.just("test_1"),
    model=st.just("small"),
    prompt=st.lists(
        st.builds(ChatMessage, st.sampled_from(["user", "assistant", "system"]), texts),
        min_size=1,
        max_size=4,
    ).map(tuple),
    sampling=samplings,
    n=st.integers(1, 16),
    continue_reply=st.booleans(),
)
raws = st.builds(
    GenerateRequest,
    id=st.just("test_1"),
    model=st.just("small"),
    prompt=texts.filter(len),
    sampling=samplings,
    n=st.integers(1, 16),
)
formats = st.none() | st.builds(
    ResponseFormat,
    schema=st.none() | st.dictionaries(texts, st.integers() | texts | st.booleans(), max_size=3),
    name=st.just("response"),
)


def over_the_wire(request: GenerateRequest) -> GenerateRequest:
    """What an embedded engine makes of ``request``."""
    sent = msgspec.json.encode(request_body(request, request.model))
    return msgspec.json.decode(sent, type=WireRequest).generate_request(request.id)


@given(chats, formats)
def test_a_chat_arrives_as_it_was_sent(request: GenerateRequest, wanted: ResponseFormat | None):
    sampling = msgspec.structs.replace(request.sampling, response_format=wanted)
    request = msgspec.structs.replace(request, sampling=sampling)
    assert over_the_wire(request) == request


@given(raws)
def test_a_raw_prompt_arrives_as_it_was_sent(request: GenerateRequest):
    assert over_the_wire(request) == request


@given(chats)
def test_without_log_probabilities_none_are_asked_for(request: GenerateRequest):
    sampling = msgspec.structs.replace(request.sampling, logprobs=False, top_logprobs=0)
    request = msgspec.structs.replace(request, sampling=sampling)
    assert "logprobs" not in request_body(request, "small")
    assert over_the_wire(request) == request


tokens = st.builds(
    TokenLogprob,
    token=texts,
    bytes=st.binary(max_size=4).map(tuple),
    logprob=st.floats(-100, 0),
)


@given(
    st.lists(
        st.builds(msgspec.structs.replace, tokens, top=st.lists(tokens, max_size=2).map(tuple)), max_size=4
    )
)
def test_tokens_keep_their_bytes_those_without_any_included(made: list[TokenLogprob]):
    choice = WireChoice(
        0, WireMessage(content="x"), logprobs=WireLogprobs([WireTokenLogprob.of(it) for it in made])
    )
    chunk = msgspec.json.decode(msgspec.json.encode(WireChunk([choice])), type=WireChunk)
    assert chunk.choices is not None
    assert list(chunk.choices[0].to_delta().logprobs) == made


@given(st.builds(Usage, *[st.integers(0, 10**6)] * 4))
def test_usage_arrives_as_it_was_counted(usage: Usage):
    sent = msgspec.json.encode(WireUsage.of(usage))
    assert msgspec.json.decode(sent, type=WireUsage).completed().usage == usage
    # What a request cost its owner is between the engine and the gateway.
    assert b"causette" not in sent
