"""Learned is what the assistant says, and only templates write control tokens."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import AddedToken, Tokenizer
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import Metaspace
from transformers import PreTrainedTokenizerFast

from causette.errors import ConfigurationError, InvalidRequest
from causette.lab.chat import ChatTokenizer
from causette.lab.tokenizer import CHAT_TEMPLATE, train
from causette.lab.types import Message

CONTROL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
LLAMA_3 = (
    "{{ bos_token }}{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\\n\\n' + message['content'] | trim + '<|im_end|>' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n\\n' }}{% endif %}"
)
WITH_A_DEFAULT_SYSTEM = (
    "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}"
    "{{ '<|im_start|>system\\nBe kind.<|im_end|>\\n' }}{% endif %}"
    "{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
FORGETTING_THOUGHTS = (
    "{% for message in messages %}"
    "{% set said = message['content'] if loop.last else message['content'].split('</think>')[-1] %}"
    "{{ '<|im_start|>' + message['role'] + '\\n' + said + '<|im_end|>\\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
WITHOUT_AN_END = (
    "{% for message in messages %}{{ message['role'] + ': ' + message['content'] + '\\n' }}{% endfor %}"
)


def tokenizer_with(template: str | None) -> PreTrainedTokenizerFast:
    return PreTrainedTokenizerFast(
        tokenizer_object=train(["the cat sat on the mat, assistant user system " * 50], 320),
        bos_token=CONTROL[0],
        eos_token=CONTROL[2],
        pad_token=CONTROL[0],
        chat_template=template,
    )


CHATS = {
    name: ChatTokenizer(tokenizer_with(template))
    for name, template in {
        "ours": CHAT_TEMPLATE,
        "llama 3": LLAMA_3,
        "default system": WITH_A_DEFAULT_SYSTEM,
        "forgetting": FORGETTING_THOUGHTS,
    }.items()
}
PLAIN = CHATS["ours"]

# Text in which control tokens, and pieces of them, are likely.
contents = st.lists(
    st.sampled_from([*CONTROL, "<|im_", "end|>", "<", "|", "\n", " ", "the cat"]) | st.text()
).map("".join)


@st.composite
def conversations(draw: st.DrawFn) -> list[Message]:
    messages = [Message("system", draw(contents))] if draw(st.booleans()) else []
    for _ in range(draw(st.integers(1, 3))):
        messages += [Message("user", draw(contents)), Message("assistant", draw(contents))]
    return messages


def learned_texts(chat: ChatTokenizer, messages: list[Message]) -> list[str]:
    """What is learned, a text for each stretch of it, control tokens in angle brackets."""
    encoded = chat.encode(messages)
    texts: list[list[int]] = []
    before = False
    for id_, learned in zip(encoded.ids, encoded.learned, strict=True):
        if learned:
            if not before:
                texts.append([])
            texts[-1].append(id_)
        before = learned
    return [chat.tokenizer.decode(ids) for ids in texts]


@settings(deadline=None)
@given(conversations())
def test_learned_is_each_of_the_assistants_messages_with_its_end(messages: list[Message]):
    assert learned_texts(PLAIN, messages) == [
        f"{message.content}<|im_end|>" for message in messages if message.role == "assistant"
    ]


@settings(deadline=None)
@given(conversations())
def test_a_template_that_trims_learns_what_it_leaves(messages: list[Message]):
    assert learned_texts(CHATS["llama 3"], messages) == [
        f"{message.content.strip()}<|im_end|>" for message in messages if message.role == "assistant"
    ]


@pytest.mark.parametrize("name", ["ours", "llama 3", "default system"])
@settings(deadline=None)
@given(conversations())
def test_what_is_written_into_messages_is_never_a_control_token(name: str, messages: list[Message]):
    chat = CHATS[name]
    harmless = [Message(message.role, "x") for message in messages]
    control = set(range(len(CONTROL)))
    ids, plain = chat.encode(messages).ids, chat.encode(harmless).ids
    assert [id_ for id_ in ids if id_ in control] == [id_ for id_ in plain if id_ in control]


@settings(deadline=None)
@given(conversations())
def test_the_text_of_a_conversation_is_kept(messages: list[Message]):
    whole = "".join(f"<|im_start|>{message.role}\n{message.content}<|im_end|>\n" for message in messages)
    assert PLAIN.tokenizer.decode(PLAIN.encode(messages).ids) == whole


@pytest.mark.parametrize("name", ["ours", "llama 3", "default system"])
@settings(deadline=None)
@given(conversations())
def test_a_prompt_and_a_completion_are_how_the_conversation_begins(name: str, messages: list[Message]):
    chat = CHATS[name]
    *before, last = messages
    prompt = chat.encode_prompt(before)
    encoded = chat.encode(messages)
    whole = [*prompt, *chat.encode_completion(last.content)]
    assert list(encoded.ids[: len(whole)]) == whole
    assert not any(encoded.learned[len(whole) :])
    assert all(encoded.learned[len(prompt) : len(whole)])


@settings(deadline=None)
@given(st.lists(st.text(st.characters(exclude_characters="<", exclude_categories=["Cs"]))))
def test_harmless_prompts_are_encoded_as_their_whole_text_is(texts: list[str]):
    messages = [Message("user", text) for text in ["", *texts]]
    text = PLAIN.tokenizer.apply_chat_template(
        [{"role": "user", "content": message.content} for message in messages],
        tokenize=False,
        add_generation_prompt=True,
    )
    assert PLAIN.encode_prompt(messages) == PLAIN.tokenizer.encode(text)


@settings(deadline=None)
@given(contents)
def test_documents_are_learned_whole_and_end(text: str):
    encoded = PLAIN.encode_text(text)
    assert all(encoded.learned)
    assert encoded.ids[-1] == PLAIN.end_of_text_id == 0
    assert 0 not in encoded.ids[:-1]
    assert PLAIN.decode(encoded.ids) == text


@settings(deadline=None)
@given(contents)
def test_completions_are_read_back_without_their_end(text: str):
    ids = PLAIN.encode_completion(text)
    assert ids[-1] == PLAIN.end_id == 2
    assert PLAIN.decode(ids) == text


def test_nothing_is_learned_where_the_assistant_says_nothing():
    assert not any(PLAIN.encode([Message("user", "Hello?")]).learned)


def test_a_tools_answer_is_not_learned():
    messages = [
        Message("user", "2+2?"),
        Message("assistant", "calculate(2+2)"),
        Message("tool", "4"),
        Message("assistant", "It is 4."),
    ]
    assert learned_texts(PLAIN, messages) == ["calculate(2+2)<|im_end|>", "It is 4.<|im_end|>"]


def test_a_template_that_changes_what_was_said_before_is_refused_where_it_does():
    chat = CHATS["forgetting"]
    thought = [Message("user", "Hi"), Message("assistant", "<think>greet</think>Hello")]
    assert learned_texts(chat, thought) == ["<think>greet</think>Hello<|im_end|>"]
    with pytest.raises(InvalidRequest, match="message 1"):
        chat.encode([*thought, Message("user", "Bye")])


def test_a_template_without_an_end_of_message_is_refused():
    with pytest.raises(InvalidRequest, match="control token"):
        ChatTokenizer(tokenizer_with(WITHOUT_AN_END))


def test_what_a_template_complains_of_is_told():
    chat = ChatTokenizer(
        tokenizer_with(
            "{% if messages[0]['role'] == 'tool' %}{{ raise_exception('No tools.') }}{% endif %}"
            + CHAT_TEMPLATE
        )
    )
    with pytest.raises(InvalidRequest, match="No tools"):
        chat.encode([Message("tool", "4")])


@pytest.mark.parametrize("messages", [[], [Message("assistant", "Hello")]])
def test_a_conversation_begins_with_somebody_else(messages: list[Message]):
    with pytest.raises(InvalidRequest, match="begins with"):
        PLAIN.encode(messages)


def test_without_a_template_texts_are_encoded_and_conversations_refused():
    chat = ChatTokenizer(tokenizer_with(None))
    assert chat.encode_text("the cat").ids[-1] == 0
    with pytest.raises(InvalidRequest, match="no chat template"):
        chat.encode([Message("user", "Hi")])


def test_control_tokens_that_take_the_spaces_beside_them_do_so():
    tokenizer = tokenizer_with(CHAT_TEMPLATE.replace("<|im_start|>", "<|im_start|> "))
    tokenizer.add_special_tokens({"bos_token": AddedToken("<|im_start|>", rstrip=True, special=True)})
    prompt = ChatTokenizer(tokenizer).encode_prompt([Message("user", "the cat")])
    assert prompt == tokenizer.encode("<|im_start|> user\nthe cat<|im_end|>\n<|im_start|> assistant\n")
    assert tokenizer.decode(prompt).startswith("<|im_start|>user")


def test_a_tokenizer_that_begins_anew_after_control_tokens_is_refused():
    backend = Tokenizer(
        BPE({letter: id_ for id_, letter in enumerate("▁abcdehinorstuvx")}, [], unk_token="x")
    )
    backend.pre_tokenizer = Metaspace(prepend_scheme="first")
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, chat_template=CHAT_TEMPLATE)
    tokenizer.add_special_tokens({"eos_token": "<|im_end|>", "additional_special_tokens": ["<|im_start|>"]})
    with pytest.raises(ConfigurationError, match="byte-level"):
        ChatTokenizer(tokenizer)
