"""Trains a byte-level BPE, and says how many bytes each of its tokens stands for.

The words that pairs of bytes are merged in are cut as SmolLM's: digits one by one, the rest by GPT-2's expression
(Radford et al., 2019), so that GGUF has a name for it and every engine cuts alike.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tokenizers import Tokenizer
from tokenizers.decoders import ByteLevel as ByteLevelDecoder
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel
from tokenizers.trainers import BpeTrainer
from transformers import PreTrainedTokenizerFast

from causette.errors import InvalidRequest
from causette.lab.data import read_texts
from causette.lab.disk import whole_folder
from causette.lab.gguf import PRE_TOKENIZERS, load_tokenizer
from causette.lab.types import Artifact, Events

END_OF_TEXT: Final = "<|endoftext|>"
START_OF_MESSAGE: Final = "<|im_start|>"
END_OF_MESSAGE: Final = "<|im_end|>"
_CONTROL: Final = (END_OF_TEXT, START_OF_MESSAGE, END_OF_MESSAGE)
_BYTES: Final = 256
_OURS: Final = "this one"

#: ChatML, with the system's message only where there is one.
CHAT_TEMPLATE: Final = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenizerConfig:
    """What a tokenizer is trained on, and measured against."""

    #: The folder that is made.
    output: Path
    #: Tokens, bytes and control tokens included. Fewer come out where the text has no more pairs that recur.
    vocabulary_size: int
    #: Files and folders for ``read_texts``.
    files: tuple[Path, ...] = ()
    #: Further text, read once.
    texts: Iterable[str] = ()
    #: Texts of each language that are not trained on.
    held_out: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])
    #: Tokenizers to compare with, by name: a GGUF file, a ``tokenizer.json`` or a folder that has one.
    references: Mapping[str, Path] = field(default_factory=dict[str, Path])


@dataclass(frozen=True, slots=True)
class Compression:
    """How many bytes of UTF-8 a tokenizer puts into a token, on the texts of one language."""

    tokenizer: str
    language: str
    bytes_per_token: float


def run(config: TokenizerConfig, events: Events) -> Artifact:
    """Train a tokenizer into a folder that ``transformers`` loads; the same text gives the same files.

    Its metrics are ``vocabulary_size``, ``bytes_per_token/LANGUAGE`` and, for each reference,
    ``bytes_per_token/LANGUAGE/REFERENCE``.

    Raises:
        InvalidRequest: there is no text, a file cannot be read, or the vocabulary has no room for the bytes.
        Conflict: the folder is there already.
        DiskFull: there is no room for it.
    """
    if config.vocabulary_size < _BYTES + len(_CONTROL):
        raise InvalidRequest(
            f"A vocabulary of {config.vocabulary_size} has no room for the {_BYTES} bytes and {len(_CONTROL)} control "
            f"tokens; make it {_BYTES + len(_CONTROL)} at least.",
            param="vocabulary_size",
        )
    others = {name: _reference(path) for name, path in config.references.items()}
    with whole_folder(config.output) as folder:
        backend = train(_training_texts(config, events), config.vocabulary_size)
        events.progress(1, 1, "tokenizers trained")
        tokenizer = PreTrainedTokenizerFast(
            tokenizer_object=backend,
            bos_token=END_OF_TEXT,
            eos_token=END_OF_MESSAGE,
            pad_token=END_OF_TEXT,
            clean_up_tokenization_spaces=False,
            chat_template=CHAT_TEMPLATE,
        )
        tokenizer.save_pretrained(folder)
    report = compressions({_OURS: backend} | others, config.held_out)
    if report:
        events.note(compression_table(report))
    metrics = {"vocabulary_size": float(len(tokenizer))}
    for row in report:
        suffix = "" if row.tokenizer == _OURS else f"/{row.tokenizer}"
        metrics[f"bytes_per_token/{row.language}{suffix}"] = row.bytes_per_token
    return Artifact(kind="tokenizer", path=config.output, metrics=metrics)


def train(texts: Iterable[str], vocabulary_size: int) -> Tokenizer:
    """A byte-level BPE (Sennrich et al., arXiv 1508.07909) that keeps any text; ids 0 to 2 are control tokens."""
    backend = Tokenizer(BPE())
    backend.pre_tokenizer = PRE_TOKENIZERS["smollm"]()
    backend.decoder = ByteLevelDecoder()
    trainer = BpeTrainer(
        vocab_size=vocabulary_size,
        min_frequency=2,
        show_progress=False,
        special_tokens=list(_CONTROL),
        initial_alphabet=ByteLevel.alphabet(),
    )
    backend.train_from_iterator(texts, trainer)
    return backend


def compressions(
    tokenizers: Mapping[str, Tokenizer], texts: Mapping[str, Sequence[str]]
) -> list[Compression]:
    """What each tokenizer makes of each language's texts; languages without text are left out."""
    rows: list[Compression] = []
    for language, examples in texts.items():
        size = sum(len(text.encode()) for text in examples)
        for name, tokenizer in tokenizers.items():
            encodings = tokenizer.encode_batch_fast(list(examples), add_special_tokens=False)
            if tokens := sum(len(encoding.ids) for encoding in encodings):
                rows.append(Compression(name, language, size / tokens))
    return rows


def compression_table(rows: Sequence[Compression]) -> str:
    """Bytes a token: a line for each tokenizer, a column for each language."""
    languages = list(dict.fromkeys(row.language for row in rows))
    figures = {(row.tokenizer, row.language): f"{row.bytes_per_token:.2f}" for row in rows}
    names = dict.fromkeys(row.tokenizer for row in rows)
    lines = [["bytes a token", *languages]]
    lines += [[name, *(figures.get((name, language), "") for language in languages)] for name in names]
    first, *widths = (max(map(len, column)) for column in zip(*lines, strict=True))
    return "\n".join(
        "  ".join(
            [name.ljust(first), *(cell.rjust(width) for cell, width in zip(cells, widths, strict=True))]
        )
        for name, *cells in lines
    )


def _training_texts(config: TokenizerConfig, events: Events) -> Iterator[str]:
    done = 0
    for source in (read_texts(config.files), config.texts):
        for text in source:
            yield text
            done += 1
            if done % 1000 == 0:
                events.progress(done, None, "texts")
    if done == 0:
        raise InvalidRequest(
            "There is no text to train a tokenizer on: name files that have some.", param="files"
        )
    events.progress(done, done, "texts")
    # What comes now is merging, of which the library tells nothing.
    events.progress(0, 1, "tokenizers trained")


def _reference(path: Path) -> Tokenizer:
    if path.suffix == ".gguf":
        return load_tokenizer(path).backend_tokenizer
    file = path / "tokenizer.json" if path.is_dir() else path
    try:
        tokenizer = Tokenizer.from_file(str(file))
    except Exception as error:  # the tokenizers library raises nothing narrower
        raise InvalidRequest(
            f"{file} is not a tokenizer that can be read: {error}", param="references"
        ) from None
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer
