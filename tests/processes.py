"""A real server in a process of its own, started as a user would."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

KEY = "00000000.local"


def admin_url(base_url: str) -> str:
    return base_url.removesuffix("/v1") + "/admin/v1"


@contextmanager
def serving(*options: str, cwd: str | None = None, python: str = sys.executable) -> Iterator[str]:
    """`mockserver serve` with these options on a free port; gives the base URL, /v1 included."""
    command = [python, "-m", "mockserver", "serve", "--port", "0", *options]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("MOCKSERVER_")}
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=cwd, env=environment
    )
    assert process.stdout is not None
    printed = []
    try:
        for line in process.stdout:
            printed.append(line)
            found = re.search(r"http://[\w.\[\]:]+:\d+/v1", line)
            if found:
                yield found.group()
                return
        raise AssertionError("the server did not start:\n" + "".join(printed))
    finally:
        process.kill()  # how servers end is tested elsewhere
        process.communicate(timeout=20)
