"""A source says one place in one way, and nothing that could lead anywhere else."""

import pytest
from packaging.version import Version

from causette.models.sources import (
    FileSource,
    HubSource,
    PackageMember,
    PackageSource,
    UrlSource,
    is_inner_path,
    parse_source,
)


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("package:A_b==1.0#x/y.z", PackageSource((PackageMember("a-b", Version("1.0"), "x/y.z"),))),
        (
            "package:a==1+local#x+y+b==2#z",
            PackageSource(
                (PackageMember("a", Version("1+local"), "x+y"), PackageMember("b", Version("2"), "z"))
            ),
        ),
        ("hub:owner/Repo.x@main#a/b.gguf", HubSource("owner/Repo.x", "main", "a/b.gguf")),
        ("file:/a/b c", FileSource("/a/b c")),
        ("url:https://example.org/w?x=1", UrlSource("https://example.org/w?x=1")),
        ("url:http://127.0.0.1:8/w", UrlSource("http://127.0.0.1:8/w")),
        ("url:http://[::1]:8/w", UrlSource("http://[::1]:8/w")),
    ],
)
def test_each_form_is_read(text: str, source: object):
    assert parse_source(text) == source


@pytest.mark.parametrize(
    "text",
    [
        "",
        "model",
        "package:a#x",
        "package:a==1",
        "package:a==one#x",
        "package:a==1#../x",
        "package:a==1#/x",
        "hub:owner/repo#x",
        "hub:repo@main#x",
        "hub:owner/repo@main#../x",
        "hub:owner/repo@../main#x",
        "file:relative",
        "url:http://example.org/w",
        "url:ftp://example.org/w",
        "url:file:///etc/passwd",
    ],
)
def test_anything_else_is_refused(text: str):
    with pytest.raises(ValueError):
        parse_source(text)


@pytest.mark.parametrize("path", ["a", "a/b.c", "1_Pooling/config.json", "..a"])
def test_paths_inside_are_inside(path: str):
    assert is_inner_path(path)


@pytest.mark.parametrize("path", ["", "/", "/a", "..", "a/../b", "./a", "a//b", "a/", "a\\b", "a\0b"])
def test_paths_that_could_lead_outside_are_not(path: str):
    assert not is_inner_path(path)
