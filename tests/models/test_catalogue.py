"""The catalogue knows its models, takes the owner's, and says exactly what is wrong with a bad entry."""

from pathlib import Path

import pytest

from causette.errors import ConfigurationError, NotFound
from causette.models import Catalogue
from causette.models.sources import HubSource, PackageSource, parse_source

HASH = "a" * 64
GOOD = f"""
[[model]]
name = "mine"
title = "Mine"
description = "My own."
family = "SmolLM2"
architecture = "llama"
kind = "text"
licence = "Apache-2.0"
format = "gguf"

[[model.files]]
path = "mine.gguf"
sha256 = "{HASH}"
sources = ["file:/models/mine.gguf"]
"""


@pytest.fixture
def owner(tmp_path: Path) -> Path:
    return tmp_path / "catalogue.toml"


def test_the_defaults_are_small_open_pinned_and_come_from_the_package_index():
    catalogue = Catalogue.load()
    for name in ("smollm2-135m-instruct", "all-minilm-l6-v2"):
        model = catalogue.find(name)
        assert model.licence == "Apache-2.0"
        assert model.engine == "embedded"
        assert model.size_bytes is not None
        assert model.size_bytes < 100_000_000
        for file in model.files:
            assert file.sha256 is not None
            assert isinstance(parse_source(file.sources[0]), PackageSource)


def test_the_embedding_model_says_how_long_its_vectors_and_texts_are():
    model = Catalogue.load().find("all-minilm-l6-v2")
    assert (model.kind, model.dimensions, model.context) == ("embedding", 384, 256)


def test_every_file_without_a_known_hash_is_a_hubs_and_pinned_at_its_first_pull():
    unpinned = [file for card in Catalogue.load().cards for file in card.files if file.sha256 is None]
    assert unpinned
    for file in unpinned:
        assert file.pin == "on-first-pull"
        assert all(isinstance(parse_source(source), HubSource) for source in file.sources)


def test_only_architectures_the_embedded_engine_reads_are_marked_as_its_own():
    readable = {"text": {"llama", "qwen2", "qwen3"}, "embedding": {"bert"}}
    for card in Catalogue.load().cards:
        if card.engine == "embedded":
            assert card.architecture in readable[card.kind], card.name


def test_an_owners_model_is_added(owner: Path):
    owner.write_text(GOOD)
    catalogue = Catalogue.load(owner)
    assert catalogue.find("mine").title == "Mine"
    assert catalogue.find("all-minilm-l6-v2")


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ('"My own."', {"en": "My own.", "fr": "My own."}),
        ('{ fr = "Le mien." }', {"en": "Le mien.", "fr": "Le mien."}),
        ('{ en = "My own.", fr = "Le mien." }', {"en": "My own.", "fr": "Le mien."}),
    ],
)
def test_a_description_is_in_one_language_or_in_both(owner: Path, written: str, told: dict[str, str]):
    owner.write_text(GOOD.replace('"My own."', written))
    assert Catalogue.load(owner).find("mine").description == told


def test_the_catalogue_is_described_in_both_languages():
    for card in Catalogue.load().cards:
        assert card.description["en"], card.name
        assert card.description["fr"] not in ("", card.description["en"]), card.name


def test_an_owner_changes_only_the_fields_given(owner: Path):
    owner.write_text('[[model]]\nname = "smollm2-135m-instruct"\nsampling = { temperature = 0.7 }\n')
    shipped, changed = (Catalogue.load(file).find("smollm2-135m-instruct") for file in (None, owner))
    assert changed.sampling.temperature == 0.7
    assert changed.files == shipped.files


def test_no_owners_file_is_no_error(owner: Path):
    assert Catalogue.load(owner).cards == Catalogue.load().cards


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ('title = "Mine"\n', "", "title"),
        ('title = "Mine"', "title = 7", "title"),
        ('title = "Mine"', 'title = "Mine"\ncolour = "red"', "colour"),
        ('kind = "text"', 'kind = "txt"', "kind"),
        ('"My own."', "7", "description"),
        ('"My own."', '{ de = "Meins." }', "description"),
        (f'"{HASH}"', '"abc"', r"files\[0\]\.sha256"),
        (f'sha256 = "{HASH}"\n', "", r"files\[0\]\.sha256"),
        (f'sha256 = "{HASH}"', f'sha256 = "{HASH}"\nsize_bytes = "big"', r"files\[0\]\.size_bytes"),
        (f'sha256 = "{HASH}"', f'sha256 = "{HASH}"\nsize_bytes = 0', r"files\[0\]\.size_bytes"),
        (f'sha256 = "{HASH}"', f'sha256 = "{HASH}"\npin = "on-first-pull"', r"files\[0\]\.pin"),
        (f'sha256 = "{HASH}"', 'pin = "on-first-pull"\n', None),
        ('path = "mine.gguf"', 'path = "../mine.gguf"', r"files\[0\]\.path"),
        ('path = "mine.gguf"', 'path = "/mine.gguf"', r"files\[0\]\.path"),
        ('path = "mine.gguf"', 'path = ".partial/x"', r"files\[0\]\.path"),
        ('["file:/models/mine.gguf"]', "[]", r"files\[0\]\.sources"),
        ('["file:/models/mine.gguf"]', '["ftp://x/y"]', r"files\[0\]\.sources"),
    ],
)
def test_a_bad_entry_is_refused_by_file_model_and_field(owner: Path, old: str, new: str, field: str | None):
    assert old in GOOD
    owner.write_text(GOOD.replace(old, new))
    if field is None:
        assert Catalogue.load(owner).find("mine").files[0].sha256 is None
        return
    with pytest.raises(ConfigurationError, match=field) as refused:
        Catalogue.load(owner)
    assert str(owner) in refused.value.message
    assert "'mine'" in refused.value.message


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[[model", "not valid TOML"),
        ("[model]\nname = 'x'", "two brackets"),
        ("[[models]]\nname = 'x'", "'models' is unknown"),
        ("[[model]]\nname = 'Not A Name'", "is not a name"),
        ("[[model]]\ntitle = 'x'", "name: None"),
        (GOOD + GOOD, "'mine' is there twice"),
    ],
)
def test_a_file_that_is_no_catalogue_is_refused(owner: Path, text: str, problem: str):
    owner.write_text(text)
    with pytest.raises(ConfigurationError, match=problem) as refused:
        Catalogue.load(owner)
    assert str(owner) in refused.value.message


def test_a_hash_may_be_left_to_the_first_pull_only_where_the_source_vouches_for_it(owner: Path):
    unpinned = GOOD.replace(f'sha256 = "{HASH}"', 'pin = "on-first-pull"')
    owner.write_text(unpinned.replace("file:/models/mine.gguf", "url:https://example.org/mine.gguf"))
    with pytest.raises(ConfigurationError, match="others need a sha256"):
        Catalogue.load(owner)


@pytest.mark.parametrize(
    ("asked", "meant"),
    [
        ("smollm2-135m-instuct", "smollm2-135m-instruct"),
        ("SmolLM2-135M-Instruct", "smollm2-135m-instruct"),
        ("smolm", "smollm2-135m-instruct"),
        ("minilm", None),
        ("all-minilm", "all-minilm-l6-v2"),
        ("zzz", None),
    ],
)
def test_an_unknown_name_is_not_found_and_near_ones_are_offered(asked: str, meant: str | None):
    with pytest.raises(NotFound) as missing:
        Catalogue.load().find(asked)
    assert repr(asked) in missing.value.message
    if meant is None:
        assert "causette models list" in missing.value.message
    else:
        assert "Did you mean" in missing.value.message
        assert meant in missing.value.message
