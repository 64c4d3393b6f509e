"""Texts in, unit vectors out: a BERT-family sentence encoder as an OpenVINO graph, built from safetensors.

The graph is the encoder of Devlin et al. (arXiv 1810.04805), the pooling that the model's own ``1_Pooling``
folder names (the mean over the tokens, or the first one; Sentence-BERT, arXiv 1908.10084), and the division
by the Euclidean length. Neither PyTorch nor transformers is involved.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Lock
from typing import Final, Literal, TypeVar

import msgspec
import numpy as np
import openvino as ov
from numpy.typing import NDArray
from openvino import opset15 as ops
from safetensors import SafetensorError
from safetensors.numpy import load_file  # pyright: ignore[reportUnknownVariableType] - a bare PathLike
from tokenizers import Tokenizer

from causette.errors import ConfigurationError, InvalidRequest

#: Tokens of one inference, padding included. 1,024 to 4,096 are equally fast on two cores, more are slower.
_TOKENS_AT_ONCE: Final = 2048
#: Lengths are padded to a multiple of this, so that the runtime meets few distinct shapes.
_LENGTH_STEP: Final = 16

_Array = NDArray[np.float32]
_Read = TypeVar("_Read")


class _Config(msgspec.Struct, frozen=True):
    """What is read of ``config.json``."""

    model_type: Literal["bert"]
    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    max_position_embeddings: int
    layer_norm_eps: float = 1e-12
    hidden_act: Literal["gelu", "gelu_new", "relu"] = "gelu"
    position_embedding_type: Literal["absolute"] = "absolute"


class _Limits(msgspec.Struct, frozen=True):
    """What is read of ``sentence_bert_config.json``."""

    max_seq_length: int | None = None


class _Pooling(msgspec.Struct, frozen=True):
    """What is read of ``1_Pooling/config.json``."""

    pooling_mode_cls_token: bool = False
    pooling_mode_mean_tokens: bool = True


class SentenceEncoder:
    """Gives a text a vector, such that texts of like meaning have vectors of like direction.

    ``context`` is the most tokens of a text, special ones included; ``dimensions`` the numbers of a vector.
    """

    def __init__(self, model: ov.CompiledModel, tokenizer: Tokenizer, context: int, dimensions: int) -> None:
        self._inference = model.create_infer_request()
        self._one_at_a_time = Lock()
        self._tokenizer = tokenizer
        self.context = context
        self.dimensions = dimensions

    @classmethod
    def load(cls, folder: Path, *, exact: bool = False) -> "SentenceEncoder":
        """The encoder whose ``config.json``, ``tokenizer.json`` and ``model.safetensors`` are in ``folder``.

        Args:
            folder: laid out as sentence-transformers publishes models; ``sentence_bert_config.json`` and
                ``1_Pooling/config.json`` are read where they exist.
            exact: compute in float32. Otherwise in the processor's fastest type, which with bfloat16 units is
                three times as fast and moves a vector by about 0.01 of its length.

        Raises:
            ConfigurationError: the folder does not hold an encoder of the BERT family.
        """
        config = _read(folder / "config.json", _Config)
        limits = _read(folder / "sentence_bert_config.json", _Limits, _Limits())
        pooling = _read(folder / "1_Pooling" / "config.json", _Pooling, _Pooling())
        if pooling.pooling_mode_cls_token == pooling.pooling_mode_mean_tokens:
            raise ConfigurationError(
                f"{folder}: only mean pooling or first-token pooling is known, one of them"
            )
        try:
            graph = _Graph(config, _weights(folder / "model.safetensors")).model(
                mean=pooling.pooling_mode_mean_tokens
            )
        except KeyError as error:
            raise ConfigurationError(f"{folder}/model.safetensors has no tensor {error}") from None
        hints = {"PERFORMANCE_HINT": "LATENCY"} | ({"INFERENCE_PRECISION_HINT": "f32"} if exact else {})
        return cls(
            ov.Core().compile_model(graph, "CPU", hints),
            _tokenizer(folder / "tokenizer.json"),
            min(limits.max_seq_length or config.max_position_embeddings, config.max_position_embeddings),
            config.hidden_size,
        )

    def encode(self, texts: Sequence[str]) -> tuple[_Array, list[int]]:
        """The texts' vectors, shape (texts, dimensions), each of length 1, and their numbers of tokens.

        Safe to call from several threads; one is served at a time, with all cores.

        Raises:
            InvalidRequest: a text has more tokens than ``context``. Nothing is cut off silently.
        """
        encodings = self._tokenizer.encode_batch_fast(list(texts))
        counts = [len(encoding.ids) for encoding in encodings]
        for index, count in enumerate(counts):
            if count > self.context:
                raise InvalidRequest(
                    f"Input {index} has {count} tokens and this model reads at most {self.context}; "
                    "split the text into shorter passages.",
                    code="context_length_exceeded",
                    param=f"input.{index}",
                )
        vectors = np.empty((len(counts), self.dimensions), np.float32)
        with self._one_at_a_time:
            for rows, length in _batches(counts, self.context):
                ids, mask = np.zeros((2, len(rows), length), np.int32)
                for row, index in enumerate(rows):
                    ids[row, : counts[index]] = encodings[index].ids
                    mask[row, : counts[index]] = 1
                vectors[rows] = self._inference.infer([ids, mask])[0]
        return vectors, counts


def _batches(counts: Sequence[int], longest: int) -> Iterator[tuple[list[int], int]]:
    """Indices of texts of about the same length, and the length to which each of them is padded."""
    rows: list[int] = []
    length = 0
    for index in sorted(range(len(counts)), key=counts.__getitem__):
        padded = min(-(-counts[index] // _LENGTH_STEP) * _LENGTH_STEP, longest)
        if rows and (len(rows) + 1) * padded > _TOKENS_AT_ONCE:
            yield rows, length
            rows = []
        rows.append(index)
        length = padded
    if rows:
        yield rows, length


def _read(path: Path, kind: type[_Read], missing: _Read | None = None) -> _Read:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except FileNotFoundError:
        if missing is None:
            raise ConfigurationError(f"{path} is missing; a sentence encoder's folder has it") from None
        return missing
    except msgspec.DecodeError as error:
        raise ConfigurationError(f"{path} is not one this encoder can read: {error}") from None


def _weights(path: Path) -> dict[str, _Array]:
    try:
        return load_file(path)
    except (OSError, SafetensorError, KeyError, TypeError) as error:
        raise ConfigurationError(f"{path} cannot be read: {error}") from None


def _tokenizer(path: Path) -> Tokenizer:
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # the tokenizers library raises nothing narrower
        raise ConfigurationError(f"{path} cannot be read: {error}") from None
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


class _Graph:
    """Writes down the computation. Shapes: N texts, T tokens, H hidden size, A heads of D = H / A."""

    def __init__(self, config: _Config, weights: dict[str, _Array]) -> None:
        self._config = config
        self._weights = {name.removeprefix("bert."): array for name, array in weights.items()}

    def model(self, *, mean: bool) -> ov.Model:
        """Token ids and mask, int32 (N, T), to unit vectors, float32 (N, H)."""
        ids = ops.parameter([-1, -1], np.int32, name="ids")
        mask = ops.parameter([-1, -1], np.int32, name="mask")
        seen = ops.not_equal(ops.unsqueeze(mask, _ints(1, 2)), ops.constant(0, np.int32))
        x_NTH = self._embeddings(ids)
        for number in range(self._config.num_hidden_layers):
            x_NTH = self._layer(x_NTH, seen, f"encoder.layer.{number}")
        pooled_NH = _mean(x_NTH, mask) if mean else ops.gather(x_NTH, _int(0), _int(1))
        unit_NH = ops.normalize_l2(pooled_NH, _ints(1), 1e-12, "max")
        return ov.Model(  # pyright: ignore[reportGeneralTypeIssues] - the stub's base classes disagree
            [unit_NH.output(0)], [ids, mask], "sentence_encoder"
        )

    def _embeddings(self, ids: ov.Node) -> ov.Node:
        words = self._weights["embeddings.word_embeddings.weight"]
        # A single text is all of the first type, whose vector can therefore be added beforehand.
        words = words + self._weights["embeddings.token_type_embeddings.weight"][0]
        length = ops.gather(ops.shape_of(ids), _ints(1), _int(0))
        positions_TH = ops.slice(
            self._constant("embeddings.position_embeddings.weight"), _ints(0), length, _ints(1), _ints(0)
        )
        words_NTH = ops.gather(ops.constant(words), ids, _int(0))
        return self._norm(ops.add(words_NTH, positions_TH), "embeddings.LayerNorm")

    def _layer(self, x_NTH: ov.Node, seen: ov.Node, name: str) -> ov.Node:
        heads = [
            ops.transpose(
                ops.reshape(
                    self._linear(x_NTH, f"{name}.attention.self.{role}"),
                    _ints(0, 0, self._config.num_attention_heads, -1),
                    special_zero=True,
                ),
                _ints(0, 2, 1, 3),
            )
            for role in ("query", "key", "value")
        ]
        mixed_NATD = ops.scaled_dot_product_attention(*heads, seen)
        mixed_NTH = ops.reshape(
            ops.transpose(mixed_NATD, _ints(0, 2, 1, 3)),
            _ints(0, 0, self._config.hidden_size),
            special_zero=True,
        )
        mixed_NTH = self._linear(mixed_NTH, f"{name}.attention.output.dense")
        x_NTH = self._norm(ops.add(mixed_NTH, x_NTH), f"{name}.attention.output.LayerNorm")
        inner = self._activation(self._linear(x_NTH, f"{name}.intermediate.dense"))
        return self._norm(
            ops.add(self._linear(inner, f"{name}.output.dense"), x_NTH), f"{name}.output.LayerNorm"
        )

    def _activation(self, x: ov.Node) -> ov.Node:
        match self._config.hidden_act:
            case "gelu":
                return ops.gelu(x, "erf")
            case "gelu_new":
                return ops.gelu(x, "tanh")
            case "relu":
                return ops.relu(x)

    def _linear(self, x: ov.Node, name: str) -> ov.Node:
        product = ops.matmul(x, self._constant(f"{name}.weight"), transpose_a=False, transpose_b=True)
        return ops.add(product, self._constant(f"{name}.bias"))

    def _norm(self, x: ov.Node, name: str) -> ov.Node:
        normal = ops.mvn(
            x, _ints(-1), normalize_variance=True, eps=self._config.layer_norm_eps, eps_mode="inside_sqrt"
        )
        return ops.add(ops.multiply(normal, self._constant(f"{name}.weight")), self._constant(f"{name}.bias"))

    def _constant(self, name: str) -> ov.Node:
        return ops.constant(self._weights[name].astype(np.float32, copy=False))


def _mean(x_NTH: ov.Node, mask_NT: ov.Node) -> ov.Node:
    """The mean over the tokens that the mask shows."""
    weight_NT1 = ops.convert(ops.unsqueeze(mask_NT, _int(2)), "f32")
    total_NH = ops.reduce_sum(ops.multiply(x_NTH, weight_NT1), _ints(1))
    return ops.divide(total_NH, ops.reduce_sum(weight_NT1, _ints(1)))


def _ints(*values: int) -> ov.Node:
    return ops.constant(np.array(values, np.int64))


def _int(value: int) -> ov.Node:
    return ops.constant(np.array(value, np.int64))
