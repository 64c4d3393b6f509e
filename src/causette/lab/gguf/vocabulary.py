"""Tokenizers as GGUF keeps them: a list of tokens and merges, and the name of how text is cut into words before."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, cast

from gguf import GGUFValueType, TokenType
from tokenizers import AddedToken, Tokenizer
from tokenizers.decoders import ByteLevel as ByteLevelDecoder
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel, Digits, PreTokenizer, Sequence
from transformers import PreTrainedTokenizerFast

from causette.errors import InvalidRequest
from causette.lab.gguf.reading import Field, GgufFile

#: What goes before a byte-level BPE: ``tokenizer.ggml.pre`` to what ``tokenizers`` does the same with.
PRE_TOKENIZERS: Final[Mapping[str, Callable[[], PreTokenizer]]] = {
    "smollm": lambda: Sequence([Digits(individual_digits=True), ByteLevel(add_prefix_space=False)]),
    "gpt-2": lambda: ByteLevel(add_prefix_space=False),
}
_ROLES: Final = {
    "bos_token": "tokenizer.ggml.bos_token_id",
    "eos_token": "tokenizer.ggml.eos_token_id",
    "unk_token": "tokenizer.ggml.unknown_token_id",
    "pad_token": "tokenizer.ggml.padding_token_id",
}


def load_tokenizer(path: Path) -> PreTrainedTokenizerFast:
    """The tokenizer in the GGUF file ``path``, with its chat template.

    Control tokens are special tokens, which ``decode`` leaves out if it is told to.

    Raises:
        InvalidRequest: the file is damaged, or its tokenizer is not a byte-level BPE that is known here.
    """
    file = GgufFile(path)
    kind = file.required("tokenizer.ggml.model", str)
    pre = file.optional("tokenizer.ggml.pre", str) or "default"
    if kind != "gpt2" or pre not in PRE_TOKENIZERS:
        raise InvalidRequest(
            f"{path} has a tokenizer of the kind {kind}/{pre}; read here are "
            f"{', '.join(f'gpt2/{known}' for known in sorted(PRE_TOKENIZERS))}.",
            param="model",
        )
    tokens = cast("list[str]", file.required("tokenizer.ggml.tokens", list))
    merges = cast("list[str]", file.required("tokenizer.ggml.merges", list))
    kinds = cast(
        "list[int]", file.optional("tokenizer.ggml.token_type", list) or [TokenType.NORMAL] * len(tokens)
    )
    roles = {role: id_ for role, key in _ROLES.items() if (id_ := file.optional(key, int)) is not None}
    vocabulary = {token: id_ for id_, token in enumerate(tokens)}
    pairs = [_pair(merge) for merge in merges]
    # What is checked here is what the tokenizers library would panic at, or not notice.
    if (
        not len(vocabulary) == len(kinds) == len(tokens)
        or max(roles.values(), default=-1) >= len(tokens)
        or not all(
            left in vocabulary and right in vocabulary and left + right in vocabulary for left, right in pairs
        )
    ):
        raise InvalidRequest(
            f"The tokenizer in {path} is damaged: its tokens, merges and special tokens do not belong together.",
            param="model",
        )
    backend = Tokenizer(BPE(vocabulary, pairs))
    backend.pre_tokenizer = PRE_TOKENIZERS[pre]()
    backend.decoder = ByteLevelDecoder()
    backend.add_tokens(
        [
            AddedToken(token, special=kind == TokenType.CONTROL, normalized=False)
            for token, kind in zip(tokens, kinds, strict=True)
            if kind in {TokenType.CONTROL, TokenType.USER_DEFINED}
        ]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        chat_template=file.optional("tokenizer.chat_template", str),
        add_bos_token=file.optional("tokenizer.ggml.add_bos_token", bool) or False,
        clean_up_tokenization_spaces=False,
        **{role: tokens[id_] for role, id_ in roles.items()},
    )


def tokenizer_fields(tokenizer: PreTrainedTokenizerFast, size: int) -> dict[str, Field]:
    """The metadata with which GGUF describes ``tokenizer``, for a model of ``size`` embeddings.

    Raises:
        InvalidRequest: it is not a byte-level BPE whose cutting into words has a name in GGUF, or has more tokens than
            the model has embeddings.
    """
    backend = tokenizer.backend_tokenizer
    described = json.loads(backend.to_str())
    model = described["model"]
    if len(tokenizer) > size:
        raise InvalidRequest(
            f"The tokenizer has {len(tokenizer)} tokens and the model {size} embeddings: they do not belong together.",
            param="tokenizer",
        )
    # Embeddings that no token has are there to make the number of rows a round one.
    tokens, kinds = [f"[PAD{id_}]" for id_ in range(size)], [int(TokenType.UNUSED)] * size
    for token, id_ in backend.get_vocab().items():
        tokens[id_], kinds[id_] = token, TokenType.NORMAL
    for added in described["added_tokens"]:
        kinds[added["id"]] = TokenType.CONTROL if added["special"] else TokenType.USER_DEFINED
    fields = {
        "tokenizer.ggml.model": Field("gpt2", GGUFValueType.STRING),
        "tokenizer.ggml.pre": Field(_pre_name(described), GGUFValueType.STRING),
        "tokenizer.ggml.tokens": Field(tokens, GGUFValueType.ARRAY, GGUFValueType.STRING),
        "tokenizer.ggml.token_type": Field(kinds, GGUFValueType.ARRAY, GGUFValueType.INT32),
        "tokenizer.ggml.merges": Field(
            [" ".join(merge) for merge in model["merges"]], GGUFValueType.ARRAY, GGUFValueType.STRING
        ),
        "tokenizer.ggml.add_bos_token": Field(bool(tokenizer.add_bos_token), GGUFValueType.BOOL),
        "tokenizer.ggml.add_space_prefix": Field(False, GGUFValueType.BOOL),
    }
    for role, key in _ROLES.items():
        if (token := getattr(tokenizer, role)) is not None:
            fields[key] = Field(tokens.index(token), GGUFValueType.UINT32)
    if isinstance(tokenizer.chat_template, str):
        fields["tokenizer.chat_template"] = Field(tokenizer.chat_template, GGUFValueType.STRING)
    return fields


def _pair(merge: str) -> tuple[str, str]:
    left, _, right = merge.partition(" ")
    return left, right


def _pre_name(described: dict[str, object]) -> str:
    blank = Tokenizer(BPE())
    for name, made in PRE_TOKENIZERS.items():
        blank.pre_tokenizer = made()
        known = json.loads(blank.to_str())
        same = known["pre_tokenizer"] == described["pre_tokenizer"]
        if same and described["normalizer"] is None and _plain(described["model"]) == _plain(known["model"]):
            return name
    raise InvalidRequest(
        "This tokenizer cannot be said in GGUF here: it has to be a byte-level BPE that cuts text into words as "
        f"{' or '.join(PRE_TOKENIZERS)} does, without a normalizer.",
        param="tokenizer",
    )


def _plain(model: object) -> dict[str, object]:
    """The settings of a BPE, without what it has learned."""
    assert isinstance(model, dict)
    settings = cast("dict[str, object]", model)
    return {key: value for key, value in settings.items() if key not in {"vocab", "merges", "unk_token"}}
