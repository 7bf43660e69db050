"""The user's cache directory, for files that can be made again."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def directory(what: str) -> Path | None:
    """The user's directory for such things; None when there is no home. It need not exist yet."""
    try:
        home = Path.home()
    except RuntimeError:
        return None
    if sys.platform == "win32":
        root = Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    else:
        root = Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache")
    return root / "mockserver" / what
