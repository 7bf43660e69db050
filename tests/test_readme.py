"""Everything that the README says to do is done here, from top to bottom."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from clients.versions import NODE as NODE_CLIENTS
from clients.versions import node_client
from readme_run import ROOT, SERVES, Block, Place, Shell, blocks, place

BLOCKS = blocks()


@pytest.fixture
def where(tmp_path: Path) -> Iterator[Place]:
    with place(tmp_path) as made:
        yield made


def served(where: Place) -> None:
    """What `make run` does once it has installed."""
    where.start([sys.executable, "-m", "mockserver", "serve", "--port", where.ports["8080"]], "8080")


def test_the_shell_and_python_blocks_run_from_top_to_bottom(where: Place) -> None:
    printed = ""
    with Shell(where) as shell:
        for block in BLOCKS:
            if block.language == "sh":
                printed = run_sh(block, shell, where)
            elif block.language == "python":
                run_python(block, where)
            elif block.language == "json":
                assert json.loads(printed).keys() == json.loads(block.text).keys()
    assert len([block for block in BLOCKS if block.language in ("sh", "python", "json")]) > 15


def run_sh(block: Block, shell: Shell, where: Place) -> str:
    """The block's output; a server that it starts goes on in the background."""
    *before, last = block.text.strip().split("\n")
    if last.startswith("make "):
        assert_make_has(last.split()[1])
        served(where)
        return ""
    if SERVES.match(last):
        shell.run(where.fit("\n".join(before)))
        start(last, where)
        return ""
    where.curl_may_fail("Prefer: code" in block.text)
    return shell.run(where.fit(block.text))


def start(line: str, where: Place) -> None:
    port = re.search(r"--port (\d+)", line)
    assert port
    where.start(["bash", "-c", f"exec {sys.executable} -m {where.fit(line)}"], port[1])


def run_python(block: Block, where: Place) -> None:
    """A snippet is run, a test is given to pytest, a handler goes on in the background."""
    text = where.fit(block.text)
    name = re.match(r"# (\w+\.py)\n", text)
    file = where.folder / (name[1] if name else "snippet.py")
    file.write_text(text)
    if name and name[1].startswith("test_"):
        config = ["-c", "/dev/null", "--rootdir", str(where.folder), "-p", "no:cacheprovider"]
        assert "1 passed" in where.run([sys.executable, "-m", "pytest", "-q", *config, str(file)])
    elif name:
        where.start([sys.executable, str(file)], "3000")
    else:
        assert where.run([sys.executable, str(file)]) != ""


def assert_make_has(target: str) -> None:
    done = subprocess.run(["make", "-C", str(ROOT), "-n", target], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_what_the_text_says_to_make_can_be_made() -> None:
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"`make ([a-z-]+)[^`]*`", page.read_text()):
            assert_make_has(target)


NODE = [block for block in BLOCKS if block.language == "js"]
PRINTED = {"Call from a browser": r"days: \d+\n"}


@pytest.mark.skipif(not (shutil.which("node") and shutil.which("npm")), reason="Node is not installed")
@pytest.mark.parametrize("block", NODE, ids=lambda block: block.heading)
def test_the_node_blocks_run(block: Block, where: Place) -> None:
    starts = [row.text.strip() for row in BLOCKS if row.heading == block.heading and SERVES.match(row.text)]
    for line in starts:
        start(line, where)
    if not starts:
        served(where)
    where.environment["NODE_PATH"] = str(node_client(NODE_CLIENTS[-1]) / "node_modules")
    file = where.folder / ("snippet.mjs" if "await fetch" in block.text else "snippet.js")
    file.write_text(where.fit(block.text))
    printed = PRINTED.get(block.heading, re.escape("750 [ 'First Words', 'Novice Writer', 'Spark' ] 1"))
    assert re.match(printed, where.run(["node", str(file)]))


def test_every_block_is_of_a_kind_that_is_run() -> None:
    """That of yaml by test_wheel.py, with what a stranger has installed."""
    assert {block.language for block in BLOCKS} == {"sh", "python", "json", "js", "yaml"}


def test_the_readme_stays_short() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) < 300


def test_the_first_screen_shows_how_to_start_ask_and_test() -> None:
    screen = "\n".join((ROOT / "README.md").read_text().split("\n")[:45])
    for wanted in ("make run", "curl -H 'X-API-KEY: 00000000.local'", "from trophy import", "`make test`"):
        assert wanted in screen


def test_the_counts_that_the_readme_gives_are_right() -> None:
    readme = (ROOT / "README.md").read_text()
    spec = json.loads((ROOT / "openapi.json").read_text())
    operations = [row for item in spec["paths"].values() for row in item.values() if "operationId" in row]
    assert f"All {len(operations)} operations and {len(spec['webhooks'])} webhooks" in readme
    recipes = (ROOT / "docs" / "recipes.md").read_text()
    assert f"{len(list((ROOT / 'fixtures' / 'examples').iterdir()))} files" in recipes
