"""Packages are looked for where pip would look."""

import subprocess
import sys
from pathlib import Path

import pytest

from causette.models.pip_config import DEFAULT_INDEX, IndexConfig, read_index_config


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """An environment whose home and system folders are empty, apart from ``/etc/pip.conf`` of this machine."""
    return {"HOME": str(tmp_path), "XDG_CONFIG_DIRS": str(tmp_path / "xdg"), "PIP_NO_INDEX": "0"}


def conf(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_without_any_configuration_it_is_the_public_index():
    assert read_index_config({"PIP_CONFIG_FILE": "/dev/null"}) == IndexConfig(indexes=(DEFAULT_INDEX,))


def test_variables_name_indexes_links_hosts_and_certificates():
    config = read_index_config(
        {
            "PIP_CONFIG_FILE": "/dev/null",
            "PIP_INDEX_URL": "https://mirror/simple/",
            "PIP_EXTRA_INDEX_URL": "https://a/simple\nhttps://b/simple",
            "PIP_FIND_LINKS": "/wheels https://links",
            "PIP_TRUSTED_HOST": "a b:8080",
            "PIP_CERT": "/ca.pem",
            "PIP_CLIENT_CERT": "/me.pem",
        }
    )
    assert config == IndexConfig(
        indexes=("https://mirror/simple", "https://a/simple", "https://b/simple"),
        find_links=("/wheels", "https://links"),
        trusted_hosts=frozenset({"a", "b:8080"}),
        certificates=Path("/ca.pem"),
        client_certificate=Path("/me.pem"),
    )


def test_no_index_leaves_the_folders(environment: dict[str, str]):
    config = read_index_config(environment | {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "/wheels"})
    assert config.indexes == ()
    assert config.find_links == ("/wheels",)


def test_later_files_win_over_earlier_ones_and_variables_over_files(
    environment: dict[str, str], tmp_path: Path
):
    conf(
        tmp_path / "xdg" / "pip" / "pip.conf",
        "[global]\nindex-url = https://system\nclient-cert = /system.pem\n",
    )
    conf(tmp_path / ".pip" / "pip.conf", "[global]\nindex-url = https://old-user\n")
    conf(tmp_path / ".config" / "pip" / "pip.conf", "[global]\nindex-url = https://user\n")
    config = read_index_config(environment)
    assert config.indexes[0] == "https://user"
    assert config.client_certificate == Path("/system.pem")
    conf(tmp_path / "named.conf", "[global]\nindex_url = https://named\n")
    named = environment | {"PIP_CONFIG_FILE": str(tmp_path / "named.conf")}
    assert read_index_config(named).indexes[0] == "https://named"
    assert read_index_config(named | {"PIP_INDEX_URL": "https://variable"}).indexes[0] == "https://variable"


def test_a_commands_section_wins_over_the_global_one(environment: dict[str, str], tmp_path: Path):
    conf(
        tmp_path / ".config" / "pip" / "pip.conf",
        "[install]\nindex-url = https://install\n[global]\nindex-url = https://global\n",
    )
    assert read_index_config(environment).indexes[0] == "https://install"


def test_a_file_that_pip_could_not_read_is_passed_over(environment: dict[str, str], tmp_path: Path):
    conf(tmp_path / ".config" / "pip" / "pip.conf", "index-url = no section\n")
    assert (
        read_index_config(environment | {"PIP_INDEX_URL": "https://variable"}).indexes[0]
        == "https://variable"
    )


def test_pip_itself_reads_the_same(environment: dict[str, str], tmp_path: Path):
    conf(
        tmp_path / ".config" / "pip" / "pip.conf",
        "[global]\nindex-url = https://user/simple\nextra-index-url =\n    https://one/simple\n    https://two/simple\n",
    )
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode:
        pytest.skip("pip is not installed beside this interpreter")
    config = read_index_config(environment)
    assert config.indexes == ("https://user/simple", "https://one/simple", "https://two/simple")
    assert "index-url='https://user/simple'" in listed.stdout
    assert "https://one/simple" in listed.stdout
