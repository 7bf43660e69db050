"""Which versions of the official clients are tried, and where each is installed: apart from all others, once."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from mockserver import cache
from tests.installing import install

# The last release of every minor version on PyPI that can read the spec's responses; of 1.0 the first one, too.
PYTHON = (
    "1.0.40", "1.0.42", "1.1.2", "1.2.1", "1.3.4", "1.4.0", "1.5.0", "1.6.0", "1.7.0", "1.8.0", "1.9.1", "1.10.0",
    "1.11.0", "1.12.0", "1.13.0", "1.14.0", "1.15.0", "1.16.0", "1.17.0", "1.18.0", "1.19.0", "1.20.1", "1.21.1",
    "1.22.0", "1.23.0", "1.24.0", "1.25.0", "1.26.1", "1.27.0",
)  # fmt: skip
NODE = ("1.0.21", "1.0.42")  # npm has no newer one
SAME_AS_SPEC = "1.8.0"
NEWEST = PYTHON[-1]


def python_client(version: str) -> Path:
    """The folder to put first on the module path; what the client needs comes from this environment."""
    folder = _home() / f"python-{version}"
    if not folder.exists():
        _made_whole(folder, lambda made: install(f"trophy=={version}", target=made))
    return folder


def node_client(version: str) -> Path:
    """The folder whose `node_modules` has the client."""
    return node_packages(f"node-{version}", f"@trophyso/node@{version}")


def node_packages(name: str, *packages: str) -> Path:
    """The folder of this name, whose `node_modules` has these packages. A change of the packages wants another name."""
    folder = _home() / name
    if not folder.exists():
        command = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix"]
        _made_whole(
            folder,
            lambda made: subprocess.run([*command, str(made), *packages], check=True, capture_output=True, text=True),
        )
    return folder


def _home() -> Path:
    return cache.directory("clients") or Path(tempfile.gettempdir()) / "mockserver-clients"


def _made_whole(folder: Path, make: Callable[[Path], object]) -> None:
    """A folder is complete or absent, even if several processes make the same at the same time."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".") as room:
        made = Path(room) / "made"
        make(made)
        try:
            made.rename(folder)
        except OSError:
            if not folder.exists():
                raise
