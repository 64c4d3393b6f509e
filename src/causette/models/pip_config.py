"""Which package indexes this machine uses, as pip is configured: mirrors, air-gapped folders, certificates.

Reads what pip itself reads (https://pip.pypa.io/en/stable/topics/configuration/): the system's, the user's
and the environment's ``pip.conf``, the file that ``PIP_CONFIG_FILE`` names, then ``PIP_*`` variables, later
ones winning.
"""

import configparser
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

DEFAULT_INDEX = "https://pypi.org/simple"
_SECTIONS = ("global", "download", "install")
_TRUE = frozenset({"1", "true", "yes", "on"})


@dataclass(frozen=True, slots=True)
class IndexConfig:
    """Where packages are looked for, in this order: ``find_links`` (folders, pages), then ``indexes``.

    ``certificates`` is a PEM bundle that is trusted beside the system's; ``client_certificate`` a PEM file
    with key and certificate; ``trusted_hosts`` (``host`` or ``host:port``) may be reached without a valid
    certificate.
    """

    indexes: tuple[str, ...] = (DEFAULT_INDEX,)
    find_links: tuple[str, ...] = ()
    trusted_hosts: frozenset[str] = frozenset()
    certificates: Path | None = None
    client_certificate: Path | None = None


def read_index_config(environment: Mapping[str, str] = os.environ) -> IndexConfig:
    """pip's effective configuration, as far as it says where packages come from."""
    values = _from_files(environment)
    for variable, value in environment.items():
        if variable.startswith("PIP_"):
            values[variable.removeprefix("PIP_").lower().replace("_", "-")] = value
    main = values.get("index-url", "").strip() or DEFAULT_INDEX
    indexes = (
        () if _is_true(values.get("no-index", "")) else (main, *values.get("extra-index-url", "").split())
    )
    return IndexConfig(
        indexes=tuple(dict.fromkeys(url.rstrip("/") for url in indexes)),
        find_links=tuple(values.get("find-links", "").split()),
        trusted_hosts=frozenset(values.get("trusted-host", "").split()),
        certificates=_path(values.get("cert")),
        client_certificate=_path(values.get("client-cert")),
    )


def _from_files(environment: Mapping[str, str]) -> dict[str, str]:
    named = environment.get("PIP_CONFIG_FILE")
    if named == os.devnull:
        return {}
    home = Path(environment.get("HOME") or Path.home())
    config_home = environment.get("XDG_CONFIG_HOME")
    files = [
        *_system_files(environment),
        home / ".pip" / "pip.conf",
        (Path(config_home) if config_home else home / ".config") / "pip" / "pip.conf",
        Path(sys.prefix) / "pip.conf",
        *([Path(named)] if named else []),
    ]
    values: dict[str, str] = {}
    sections: dict[str, dict[str, str]] = {section: {} for section in _SECTIONS}
    for file in files:
        parser = configparser.RawConfigParser()
        try:
            parser.read(file, encoding="utf-8")
        except (configparser.Error, UnicodeDecodeError):
            continue  # pip complains about such a file itself; the other files still hold
        for section in _SECTIONS:
            if parser.has_section(section):
                sections[section].update(
                    {key.replace("_", "-"): value for key, value in parser.items(section)}
                )
    for section in _SECTIONS:
        values.update(sections[section])
    return values


def _system_files(environment: Mapping[str, str]) -> list[Path]:
    folders = environment.get("XDG_CONFIG_DIRS") or "/etc/xdg"
    return [
        *(Path(folder) / "pip" / "pip.conf" for folder in reversed(folders.split(os.pathsep)) if folder),
        Path("/etc/pip.conf"),
    ]


def _is_true(value: str) -> bool:
    return value.strip().lower() in _TRUE


def _path(value: str | None) -> Path | None:
    return Path(value).expanduser() if value and value.strip() else None
