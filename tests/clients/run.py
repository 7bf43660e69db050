"""`make clients`: every listed version of the official clients through all its methods, as a table.

Each version runs in a process of its own against a world of its own. The exit code is 1 when a version cannot read
something, or cannot call what the application half has; a call of the admin half may be refused.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from mockserver.testing import ControlError, MockServer, World
from mockserver.webhooks.bodies import EVERY_KIND, KINDS

from .versions import NODE, PYTHON, node_client, python_client

HERE = Path(__file__).parent
AT_ONCE = 2
LIVES = {"users": 12, "history_days": 20}  # of those whom the clients read about
MARKS = {"ok": "·", "refused": "R", "unreadable": "X", "crashed": "!"}
LEGEND = "· works   R refused   X unreadable   ! crashed   blank: this version has no such method"


class Walked(NamedTuple):
    """`said`: part (application, webhooks, admin) → method or webhook → outcome, see walk.py."""

    language: str
    version: str
    said: dict[str, dict[str, str]]

    def errors(self) -> Iterator[str]:
        for part, outcomes in self.said.items():
            for name, outcome in outcomes.items():
                if is_error(part, outcome):
                    yield f"{self.language} {self.version}  {name}: {outcome}"


def is_error(part: str, outcome: str) -> bool:
    """What a test of ours asks of the admin half may be refused: it need not make sense there."""
    if part == "admin":
        return not re.match(r"ok|refused 4\d\d:", outcome)
    return outcome != "ok"


def walk_python(server: MockServer, version: str) -> Walked:
    environment = os.environ | {"PYTHONPATH": str(python_client(version))}
    return Walked("Python", version, _walk(server, [sys.executable, str(HERE / "walk.py"), "{}"], environment))


def walk_node(server: MockServer, version: str) -> Walked:
    command = ["node", str(HERE / "walk.mjs"), "{}", str(node_client(version))]
    return Walked("Node", version, _walk(server, command, dict(os.environ)))


def _walk(server: MockServer, command: list[str], environment: dict[str, str]) -> dict[str, dict[str, str]]:
    with server.world(**LIVES) as world, tempfile.TemporaryDirectory() as room:
        given = {"api": world.url, "admin": world.admin_url, "key": world.api_key, "webhooks": bodies_in(world)}
        file = Path(room) / "given.json"
        file.write_text(json.dumps(given))
        done = subprocess.run(
            [part.format(file) for part in command],
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr}")
    said: dict[str, dict[str, str]] = json.loads(done.stdout)
    return said


def bodies_in(world: World) -> list[Any]:
    """A webhook of each type; those of a newer spec if one is served."""
    bodies = []
    for kind in EVERY_KIND:
        try:
            bodies.append(world.control("POST", "/webhooks/trigger", {"type": kind})["event"]["body"])
        except ControlError:
            if kind in KINDS:
                raise
    return bodies


def table(walked: list[Walked]) -> str:
    """A row for each operation and webhook, a column for each version, with its number written downwards."""
    lines = []
    for part in ("application", "webhooks", "admin"):
        rows = sorted({name for one in walked for name in one.said[part]})
        if not rows:
            continue
        width = max(map(len, rows))
        lines += ["", *(f"{'':{width}}  {line}" for line in _downwards([one.version for one in walked]))]
        for row in rows:
            marks = (MARKS[one.said[part].get(row, "").partition(" ")[0].rstrip(":")] if row in one.said[part] else " "
                     for one in walked)  # fmt: skip
            lines.append(f"{row:{width}}  {' '.join(marks)}".rstrip())
    return "\n".join([*lines, "", LEGEND])


def _downwards(words: list[str]) -> list[str]:
    tall = max(map(len, words))
    return [" ".join(word[row] for word in (one.rjust(tall) for one in words)) for row in range(tall)]


def newer_than_listed() -> str:
    """What PyPI has beyond the list, as its own client tells."""
    command = [sys.executable, "-m", "pip", "index", "versions", "--disable-pip-version-check", "trophy"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    found = re.search(r"^Available versions: (.+)$", done.stdout, re.MULTILINE)
    if found is None:
        return "PyPI could not be asked for newer versions."
    newer = [one for one in found[1].split(", ") if _order(one) > _order(PYTHON[-1])]
    if not newer:
        return f"PyPI has nothing newer than {PYTHON[-1]}."
    return f"PyPI has newer versions than those listed: {', '.join(newer)}. Add them in tests/clients/versions.py."


def _order(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("versions", nargs="*", help="of the Python client; without any, all that are listed")
    wanted: Any = parser.parse_args().versions
    with MockServer() as server, ThreadPoolExecutor(AT_ONCE) as pool:
        walked = list(pool.map(lambda version: walk_python(server, version), wanted or PYTHON))
        nodes = [] if wanted else list(pool.map(lambda version: walk_node(server, version), NODE))
    print(f"Python, {len(walked)} versions{table(walked)}")
    if nodes:
        print(f"\nNode, {len(nodes)} versions{table(nodes)}")
    errors = [line for one in (*walked, *nodes) for line in one.errors()]
    print("\n" + ("\n".join(errors) if errors else "Every version reads everything."))
    print(newer_than_listed())
    return int(bool(errors))


if __name__ == "__main__":
    sys.exit(main())
