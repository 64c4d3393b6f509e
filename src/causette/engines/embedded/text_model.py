"""A language model loaded into OpenVINO GenAI: its tokenizer, its template, its pipeline of batched steps."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

import numpy as np
import openvino as ov
import openvino_genai as genai

from causette.engines.embedded.detokenizer import detokenizers
from causette.engines.embedded.grammar import json_grammar
from causette.engines.embedded.prefix_cache import BLOCK_SIZE
from causette.engines.thinking import CLOSE, OPEN, Tags, written
from causette.engines.types import ChatMessage, Effort, GenerateRequest, Sampling, TokenLogprob
from causette.errors import ConfigurationError, InvalidRequest

# Dividing by a temperature below this overflows the runtime's floats; the likeliest token is taken instead.
_COLDEST: Final = 1e-4
# What OpenAI's API says for a token that was as good as impossible; the runtime says minus infinity.
_LEAST_LOGPROB: Final = -9999.0
#: Tokens of thinking for each effort; a reply that is short has room for less.
_THINKING_TOKENS: Final[dict[Effort, int]] = {"off": 1, "low": 512, "medium": 2048, "high": 8192}
# Ends the life of control tokens that somebody writes into a message: shown the same, read as plain text.
_DEFUSE: Final = "\N{ZERO WIDTH SPACE}"


#: The runtime's own choice for the cache is eight bits, which have to be unpacked for every token that is read: sixteen
#: take twice the memory and give a tenth more tokens a second at 16 replies at once, with nothing rounded away.
PROPERTIES: Final = {"KV_CACHE_PRECISION": "f16"}


@dataclass(frozen=True, slots=True, kw_only=True)
class TextModelConfig:
    """How a model is loaded and how much it takes on."""

    path: Path
    name: str
    #: Longest prompt plus reply, in tokens.
    context: int
    #: Memory of the KV cache, in GiB; allocated as it is needed.
    kv_cache_gb: int = 2
    #: Sequences computed in one step.
    max_running: int = 64
    #: Requests waiting beyond those; further ones are refused.
    max_queued: int = 256
    #: Tokens computed in one step: bounds how long a long prompt holds up everybody's next token.
    max_batched_tokens: int = 512
    #: Where the model's thinking is in its text.
    thinking: Tags = "none"


def scheduler_config(config: TextModelConfig) -> genai.SchedulerConfig:
    """The runtime's scheduler settings for ``config``."""
    scheduler = genai.SchedulerConfig()
    scheduler.cache_size = config.kv_cache_gb
    scheduler.max_num_seqs = config.max_running
    scheduler.max_num_batched_tokens = config.max_batched_tokens
    scheduler.dynamic_split_fuse = True
    scheduler.enable_prefix_caching = True
    return scheduler


class TextModel:
    """One loaded model. Loading takes seconds and warms the kernels up, so that the first reply is not slow.

    Raises:
        ConfigurationError: the file is not there, or not a model that the runtime can read.
    """

    def __init__(self, config: TextModelConfig) -> None:
        self.config = config
        try:
            self.pipeline = genai.ContinuousBatchingPipeline(
                str(config.path), scheduler_config(config), "CPU", PROPERTIES
            )
        except Exception as error:  # a damaged file can raise anything
            raise ConfigurationError(
                f"The model file {config.path} cannot be loaded ({first_reason(error)}). It is damaged, "
                "or of an architecture that this engine does not know."
            ) from None
        self._tokenizer = self.pipeline.get_tokenizer()
        vocabulary = cast("dict[bytes, int]", self._tokenizer.get_vocab())
        self._special = _special_tokens(self._tokenizer, vocabulary)
        self._control_texts = tuple(
            piece.decode() for piece, token in vocabulary.items() if token in self._special
        )
        self._pieces = {token: piece for piece, token in vocabulary.items()}
        self.new_detokenizer = detokenizers(
            vocabulary,
            self._special,
            encode=lambda text: self._encode(text, add_special_tokens=False),
            decode=lambda ids: self._tokenizer.decode(list(ids)),
        )
        own = self.pipeline.get_config()
        self.end_tokens = frozenset({own.eos_token_id, *own.stop_token_ids})
        self.cache_blocks = self._warm_up()
        #: Longest prompt plus reply, in tokens: what was configured, if the model and the cache's memory allow it.
        self.context = min(config.context, self._longest_text(), self.cache_blocks * BLOCK_SIZE)

    def prompt_tokens(self, request: GenerateRequest) -> list[int]:
        """The request's prompt as token ids.

        Raises:
            InvalidRequest: the chat template cannot render these messages.
        """
        if isinstance(request.prompt, str):
            return self._encode(request.prompt, add_special_tokens=True)
        turns, unfinished = request.prompt, ""
        if request.continue_reply:
            turns, last = turns[:-1], turns[-1]
            unfinished = written(self._defused(last.reasoning), self._defused(last.content))
        opening = self._render(turns, thinks=self.tags_of(request) != "none")
        if self.tags_of(request) == "prefilled" and not (unfinished or opening.rstrip().endswith(OPEN)):
            unfinished = f"{OPEN}\n"
        return self._encode(opening + unfinished, add_special_tokens=False)

    def tags_of(self, request: GenerateRequest) -> Tags:
        """Where the thinking is in the replies to ``request``: nowhere if it wants none, or a grammar forbids it."""
        if isinstance(request.prompt, str) or request.effort == "off" or request.sampling.response_format:
            return "none"
        return self.config.thinking

    def thinking_budget(self, request: GenerateRequest, room: int) -> int | None:
        """How many of the ``room`` tokens of each reply may be thinking; None for any number."""
        if request.effort is None or self.tags_of(request) == "none":
            return None
        return max(1, min(_THINKING_TOKENS[request.effort], room * 3 // 4))

    @property
    def end_of_thinking(self) -> tuple[str, list[int]]:
        """What ends a block of thinking that has had its time: text and tokens."""
        text = f"\n{CLOSE}\n\n"
        return text, self._encode(text, add_special_tokens=False)

    def max_new_tokens(self, request: GenerateRequest, prompt: Sequence[int]) -> int:
        """How long each reply may become.

        Raises:
            InvalidRequest: prompt and reply do not fit into the context.
        """
        context, wanted = self.context, request.sampling.max_tokens
        room = context - len(prompt)
        if room < 1 or (wanted is not None and wanted > room):
            # The tokenizer cuts what is longer, so nobody knows by how much.
            asked = f"{len(prompt)}{'' if room > 0 else ' or more'} in the prompt"
            asked += f" and {wanted} for the reply" if wanted else ""
            raise InvalidRequest(
                f"This model's context is {context} tokens, but the request has {asked}. "
                "Shorten the prompt or ask for a shorter reply.",
                code="context_length_exceeded",
                param="prompt" if isinstance(request.prompt, str) else "messages",
            )
        return wanted or room

    def generation_config(self, sampling: Sampling, max_new_tokens: int) -> genai.GenerationConfig:
        """The runtime's form of ``sampling``, but for the seed.

        Raises:
            InvalidRequest: a value the runtime cannot take; the message names it.
        """
        options: dict[str, object] = {
            "max_new_tokens": max_new_tokens,
            "apply_chat_template": False,
            "ignore_eos": sampling.ignore_eos,
            "presence_penalty": _or(sampling.presence_penalty, 0.0),
            "frequency_penalty": _or(sampling.frequency_penalty, 0.0),
            "repetition_penalty": _or(sampling.repetition_penalty, 1.0),
            "logprobs": int(sampling.logprobs),
        }
        temperature, top_p = _or(sampling.temperature, 1.0), _or(sampling.top_p, 1.0)
        if temperature >= _COLDEST and top_p > 0:
            options |= {"do_sample": True, "temperature": temperature, "top_p": top_p}
            if sampling.top_k is not None:
                options["top_k"] = sampling.top_k
            if sampling.min_p is not None:
                options["min_p"] = sampling.min_p
        if sampling.top_logprobs > 0:
            raise InvalidRequest(
                "This model's engine reports the log-probability of the chosen tokens only; "
                "set top_logprobs to 0, or use a model on a remote engine.",
                code="unsupported_parameter",
                param="top_logprobs",
            )
        if (wanted := sampling.response_format) is not None:
            grammar = json_grammar(wanted.schema)
            options["structured_output_config"] = genai.StructuredOutputConfig(grammar=grammar)
        try:
            config = genai.GenerationConfig(**options)
            config.set_eos_token_id(self.pipeline.get_config().eos_token_id)
            config.validate()
        except RuntimeError as error:
            raise InvalidRequest(
                f"The engine cannot sample with these values: {first_reason(error)}"
            ) from None
        return config

    def add(
        self, request_id: int, prompt: Sequence[int], config: genai.GenerationConfig
    ) -> "genai.py_openvino_genai.GenerationHandle":
        """Hand a prompt to the batch."""
        ids = ov.Tensor(np.asarray(prompt, dtype=np.int64)[None])
        return self.pipeline.add_request(request_id, ids, config)

    def token_logprob(self, token: int, logprob: float) -> TokenLogprob:
        """A chosen token as the protocol shows it. Control tokens have a name and no bytes: they are not text."""
        piece = self._pieces.get(token, b"")
        text = b"" if token in self._special else piece
        # Rounding can leave the runtime a hair above zero.
        return TokenLogprob(
            piece.decode(errors="replace"), tuple(text), max(min(logprob, 0.0), _LEAST_LOGPROB)
        )

    def _encode(self, text: str, *, add_special_tokens: bool) -> list[int]:
        ids = self._tokenizer.encode(text, add_special_tokens=add_special_tokens).input_ids
        return np.asarray(ids.data).ravel().tolist()

    def _render(self, turns: Sequence[ChatMessage], *, thinks: bool) -> str:
        history = [{"role": turn.role, "content": self._defused(turn.content)} for turn in turns]
        try:
            return self._tokenizer.apply_chat_template(
                history, add_generation_prompt=True, extra_context=self._switches(thinks=thinks)
            )
        except RuntimeError as error:
            raise InvalidRequest(
                f"This model's chat template does not take these messages: {first_reason(error)}",
                param="messages",
            ) from None

    def _switches(self, *, thinks: bool) -> dict[str, object] | None:
        return None if self.config.thinking == "none" else {"enable_thinking": thinks}

    def _defused(self, content: str) -> str:
        for control in self._control_texts:
            if control in content:
                content = content.replace(control, control[0] + _DEFUSE + control[1:])
        return content

    def _longest_text(self) -> int:
        """At how many tokens the tokenizer cuts a text without a word, or more than the context when it does not."""
        return len(self._encode("\na" * (self.config.context + 1), add_special_tokens=False))

    def _warm_up(self) -> int:
        """Run one prompt of ten blocks through, and learn from the cache's fill how many blocks it has."""
        blocks = 10
        prompt = [next(iter(self._special), 0)] * (blocks * BLOCK_SIZE)
        config = genai.GenerationConfig(max_new_tokens=4, apply_chat_template=False, ignore_eos=True)
        handle = self.add(0, prompt, config)
        self.pipeline.step()
        capacity = round(blocks / self.pipeline.get_metrics().cache_usage * 100)
        while self.pipeline.has_non_finished_requests():
            self.pipeline.step()
        handle.read_all()
        return capacity


def _or(value: float | None, default: float) -> float:
    return default if value is None else value


def _special_tokens(tokenizer: genai.Tokenizer, vocabulary: dict[bytes, int]) -> frozenset[int]:
    """Tokens that have a name but no text: the tokenizer leaves them out although their bytes are readable."""
    texts = tokenizer.decode([[token] for token in vocabulary.values()])
    return frozenset(
        token
        for (piece, token), text in zip(vocabulary.items(), texts, strict=True)
        if piece and not text and _is_text(piece)
    )


def _is_text(piece: bytes) -> bool:
    try:
        piece.decode()
    except UnicodeDecodeError:
        return False
    return True


def first_reason(error: Exception) -> str:
    """What the runtime complains of, without the places in its own sources."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    for line in lines:
        if (check := re.match(r"Check '(.+)' failed at", line)) is not None:
            return f"{check[1]} does not hold"
        if not line.startswith("Exception from"):
            return re.sub(r"^\[[\d:]+\] \S+: ", "", line)
    return "no reason given"
