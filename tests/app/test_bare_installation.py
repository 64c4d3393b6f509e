"""What `pip install causette` alone brings is enough to serve, and to be told what the rest would take."""

import subprocess
import sys
import tomllib
from pathlib import Path

from packaging.requirements import Requirement

PROJECT = Path(__file__).parents[2] / "pyproject.toml"
# What is imported under another name than it is installed by.
MODULES = {
    "pillow": "PIL",
    "py3langid": "py3langid",
    "python-docx": "docx",
    "python-pptx": "pptx",
    "reasoning-gym": "reasoning_gym",
}


def extras() -> set[str]:
    """The modules that only extras for people bring."""
    project = tomllib.loads(PROJECT.read_text())["project"]
    always = {Requirement(each).name for each in project["dependencies"]}
    named = {
        Requirement(each).name
        for extra, each_of in project["optional-dependencies"].items()
        if extra not in ("dev", "all")
        for each in each_of
    }
    return {MODULES.get(name, name) for name in named - always if name != "causette"}


def test_the_house_and_its_commands_need_no_extra() -> None:
    absent = sorted(extras())
    assert "torch" in absent
    program = (
        "import sys\n"
        f"for name in {absent!r}: sys.modules[name] = None\n"
        "import causette.app, causette.cli.lab, causette.cli.serve, causette.cli.worker\n"
        "causette.app.openapi_document()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
