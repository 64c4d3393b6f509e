"""A tokenizer keeps any text, is the same every time, and says how well it compresses."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import PreTrainedTokenizerFast

from causette.errors import Conflict, InvalidRequest
from causette.lab.tokenizer import TokenizerConfig, compression_table, compressions, run, train
from tests.lab.listening import Listener

ENGLISH = "The quick brown fox jumps over the lazy dog; it has done so 1234 times. "
FRENCH = "Voix ambiguë d’un cœur qui, au zéphyr, préfère les jattes de kiwis. "
TRAINED = train([ENGLISH * 30, FRENCH * 30], 500)


@given(st.text())
def test_any_text_comes_back(text: str):
    assert TRAINED.decode(TRAINED.encode(text).ids, skip_special_tokens=False) == text


def test_control_tokens_come_first_and_digits_are_single():
    assert TRAINED.encode("<|endoftext|><|im_start|><|im_end|>").ids == [0, 1, 2]
    assert [TRAINED.decode([id_]) for id_ in TRAINED.encode("1234").ids] == ["1", "2", "3", "4"]


def corpus(folder: Path) -> tuple[Path, Path]:
    lines = [{"text": ENGLISH}, {"messages": [{"role": "user", "content": FRENCH}]}, {"text": FRENCH}] * 40
    (folder / "a.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\n\n")
    (folder / "b.txt").write_text((ENGLISH + "\n") * 40)
    return folder / "a.jsonl", folder / "b.txt"


def test_the_same_text_gives_the_same_files(tmp_path: Path):
    files = corpus(tmp_path)
    program = (
        "from pathlib import Path; from causette.lab.tokenizer import *; from tests.lab.listening import Listener\n"
        f"run(TokenizerConfig(output=Path({str(tmp_path / 'second')!r}), vocabulary_size=450,"
        f" files=tuple(map(Path, {list(map(str, files))!r}))), Listener())"
    )
    run(TokenizerConfig(output=tmp_path / "first", vocabulary_size=450, files=files), Listener())
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
    first, second = (
        {file.name: file.read_bytes() for file in (tmp_path / name).iterdir()} for name in ("first", "second")
    )
    assert "tokenizer.json" in first
    assert first == second


def test_what_is_made_is_loaded_by_transformers(tmp_path: Path):
    listener = Listener()
    artifact = run(
        TokenizerConfig(output=tmp_path / "made", vocabulary_size=350, files=corpus(tmp_path)), listener
    )
    assert listener.progressed[-3:] == [
        (121, 121, "texts"),
        (0, 1, "tokenizers trained"),
        (1, 1, "tokenizers trained"),
    ]
    assert (artifact.kind, artifact.path) == ("tokenizer", tmp_path / "made")
    tokenizer = PreTrainedTokenizerFast.from_pretrained(tmp_path / "made")
    assert len(tokenizer) == artifact.metrics["vocabulary_size"] == 350
    assert (tokenizer.eos_token, tokenizer.pad_token) == ("<|im_end|>", "<|endoftext|>")
    assert tokenizer.apply_chat_template([{"role": "user", "content": "Hi"}], tokenize=False) == (
        "<|im_start|>user\nHi<|im_end|>\n"
    )


def test_compression_is_measured_by_language_against_references(tmp_path: Path, text_model_path: Path):
    bytes_only = tmp_path / "bytes.json"
    train([], 259).save(str(bytes_only))
    listener = Listener()
    artifact = run(
        TokenizerConfig(
            output=tmp_path / "made",
            vocabulary_size=450,
            texts=[ENGLISH * 30, FRENCH * 30],
            held_out={"en": ["The lazy dog jumps."], "fr": ["Voix d’un zéphyr."]},
            references={"smollm2": text_model_path, "bytes": bytes_only},
        ),
        listener,
    )
    metrics = artifact.metrics
    assert metrics["bytes_per_token/en/bytes"] == metrics["bytes_per_token/fr/bytes"] == 1
    # "The", " lazy", " dog", " jumps", "."
    assert metrics["bytes_per_token/en/smollm2"] == 19 / 5
    assert metrics["bytes_per_token/fr"] > metrics["bytes_per_token/fr/smollm2"] > 1
    assert listener.notes == [
        "bytes a token    en    fr\n"
        f"this one       {metrics['bytes_per_token/en']:.2f}  {metrics['bytes_per_token/fr']:.2f}\n"
        f"smollm2        3.80  {metrics['bytes_per_token/fr/smollm2']:.2f}\n"
        "bytes          1.00  1.00"
    ]


def test_a_language_without_text_is_left_out():
    rows = compressions({"ours": TRAINED}, {"en": ["dog"], "de": [], "fr": [""]})
    assert [row.language for row in rows] == ["en"]
    assert compression_table(rows).splitlines()[0].split() == ["bytes", "a", "token", "en"]


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("{", "bad.jsonl:2: is not JSON"),
        ('{"text": 3}', "2: text is"),
        ('{"messages": [{}]}', "content is missing"),
    ],
)
def test_a_line_that_is_no_record_is_named(tmp_path: Path, line: str, complaint: str):
    (tmp_path / "bad.jsonl").write_text('{"text": "good"}\n' + line)
    config = TokenizerConfig(output=tmp_path / "made", vocabulary_size=300, files=(tmp_path / "bad.jsonl",))
    with pytest.raises(InvalidRequest, match=complaint):
        run(config, Listener())
    assert not (tmp_path / "made").exists()


def test_files_that_are_not_there_or_not_text_are_refused(tmp_path: Path):
    (tmp_path / "binary.txt").write_bytes(b"\xff\xfe")
    for name, complaint in [("none.txt", "No such file"), ("binary.txt", "is not UTF-8")]:
        with pytest.raises(InvalidRequest, match=complaint):
            run(
                TokenizerConfig(output=tmp_path / "made", vocabulary_size=300, files=(tmp_path / name,)),
                Listener(),
            )


def test_no_text_a_vocabulary_without_room_and_a_folder_that_is_there_are_refused(tmp_path: Path):
    with pytest.raises(InvalidRequest, match="no text"):
        run(TokenizerConfig(output=tmp_path / "made", vocabulary_size=300), Listener())
    with pytest.raises(InvalidRequest, match="259 at least"):
        run(TokenizerConfig(output=tmp_path / "made", vocabulary_size=258, texts=["x"]), Listener())
    with pytest.raises(Conflict, match="is there already"):
        run(TokenizerConfig(output=tmp_path, vocabulary_size=300, texts=["x"]), Listener())
