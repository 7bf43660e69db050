"""The comparison that shows what logs cost in memory still cuts what there is, and what is left works."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from benchmarks.unlogged import unlogged

ASKED = """
from mockserver.testing import MockServer
with MockServer(socket=False) as server:
    print(server.__class__.__module__)
import mockserver
print(mockserver.__file__)
"""


def test_a_server_without_what_there_is_for_logs_starts(tmp_path: Path) -> None:
    root = unlogged(tmp_path)
    environment = os.environ | {"PYTHONPATH": str(root), "PYTHONSAFEPATH": "1"}
    done = subprocess.run(
        [sys.executable, "-c", ASKED], env=environment, capture_output=True, text=True, timeout=60, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].startswith(str(root))
