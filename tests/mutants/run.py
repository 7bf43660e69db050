"""`make mutants`: every planted fault, one at a time, against the suite; what catches it, and how long it takes.

`quick` gets every fault, `standard` those that `quick` lets pass. `--parts` shows what each part catches alone.
Everything is imported once and forked from there, which halves the time.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import multiprocessing
import os
import pkgutil
import re
import signal
import sys
import tempfile
import time
import xml.etree.ElementTree as ET
from collections import Counter
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import contract_tests.generated  # noqa: F401  before the fork
import mockserver
from contract_tests.command import run as run_suite
from contract_tests.options import PARTS, Options
from tests.mutants import serve
from tests.mutants.fault import Fault
from tests.mutants.faults import BY_NAME, FAULTS

KEY = "mutants.key"
AT_ONCE = 2
SERVED = [part for part in PARTS if part != "document"]
SETTINGS = ["--port", "0", "--api-key", KEY, "--users", "3", "--history-days", "5", "--log-level", "critical"]


@dataclass(frozen=True)
class Result:
    """`by`: the part and test that caught the fault first; None when it got through."""

    name: str
    profile: str
    by: str | None
    part: str
    seconds: float
    trouble: str = ""

    @property
    def kind(self) -> str:
        return BY_NAME[self.name].kind


def give(name: str, profile: str, parts: str | None = None) -> Result:
    """One fault to the suite, which stops at its first failure."""
    began = time.monotonic()
    process, url = fork_server(name)
    if url is None:
        return Result(name, profile, None, "", time.monotonic() - began, "the server did not start")
    try:
        code, by, part = try_suite(url, profile, parts)
    finally:
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
    trouble = "" if code in (0, 1) else "the suite could not run"
    return Result(name, profile, by if code == 1 else None, part, time.monotonic() - began, trouble)


def fork_server(name: str) -> tuple[int, str | None]:
    """A process that serves with the fault, and its base URL."""
    reading, writing = os.pipe()
    process = os.fork()
    if process == 0:
        os.close(reading)
        os.dup2(writing, 1)
        try:
            serve.serve(name, SETTINGS)
        finally:
            os._exit(1)
    os.close(writing)
    with open(reading, encoding="utf-8") as lines:
        for line in lines:
            if found := re.search(r"http://[\w.:]+/v1", line):
                return process, found.group()
    return process, None


def try_suite(url: str, profile: str, parts: str | None) -> tuple[int, str, str]:
    """Its exit code, and the first test that failed with its part."""
    options = Options(base_url=url, api_key=KEY, profile=profile, parts=(parts,) if parts else tuple(SERVED))
    with tempfile.TemporaryDirectory() as place, open(os.devnull, "w") as nowhere:
        report = Path(place) / "junit.xml"
        with contextlib.redirect_stdout(nowhere), contextlib.redirect_stderr(nowhere):
            code = run_suite(options, ["--maxfail=1", "--junit-xml", str(report)])
        by, part = first_failure(report) if report.exists() else ("", "")
    return code, by, part


def first_failure(report: Path) -> tuple[str, str]:
    for case in ET.parse(report).getroot().iter("testcase"):
        for said in (*case.findall("failure"), *case.findall("error")):
            part = re.search(r"^\W*found by +(\w+)", said.text or "", re.MULTILINE)
            return str(case.get("name")), part.group(1) if part else "?"
    return "", ""


def give_all(faults: list[Fault], profile: str, parts: str | None = None) -> list[Result]:
    """Two at a time, each in a process of its own, with progress."""
    results: list[Result] = []
    with multiprocessing.get_context("fork").Pool(AT_ONCE, maxtasksperchild=1) as pool:
        names = [fault.name for fault in faults]
        for result in pool.imap_unordered(partial(give, profile=profile, parts=parts), names):
            results.append(result)
            verdict = f"caught by {result.part}: {result.by}" if result.by else f"GOT THROUGH {result.trouble}"
            line = f"{len(results):4}/{len(faults)}  {result.seconds:5.1f} s  {result.kind}: {result.name}"
            print(f"{line} — {verdict}", flush=True)
    return results


def run(faults: list[Fault]) -> int:
    """All faults to quick, the survivors to standard; 0 if every one is caught."""
    began = time.monotonic()
    print(f"{len(faults)} faults, {AT_ONCE} at a time, to quick", flush=True)
    results = give_all(faults, "quick")
    survivors = [BY_NAME[result.name] for result in results if not result.by]
    later = []
    if survivors:
        print(f"\n{len(survivors)} survivors to standard", flush=True)
        later = give_all(survivors, "standard")
    lost = [result for result in later if not result.by]
    summary([result for result in (*results, *later) if result.by])
    quick, standard = len(faults) - len(survivors), len(faults) - len(lost)
    print(f"\nquick     {quick}/{len(faults)} caught ({100 * quick / len(faults):.0f} %)")
    print(f"standard  {standard}/{len(faults)} caught ({100 * standard / len(faults):.0f} %)")
    print(f"time      {(time.monotonic() - began) / 60:.1f} minutes")
    for result in lost:
        print(f"GOT THROUGH  {result.kind}: {result.name} {result.trouble}")
    return int(bool(lost))


def summary(caught: list[Result]) -> None:
    """Which part was the first to catch how many, by kind of fault."""
    parts, kinds = Counter(result.part for result in caught), Counter(result.kind for result in caught)
    print("\ncaught first by  " + ", ".join(f"{part} {count}" for part, count in parts.most_common()))
    print("by kind          " + ", ".join(f"{kind} {count}" for kind, count in kinds.most_common()))


def run_parts(faults: list[Fault]) -> int:
    """Each part alone: what it catches, and what no other part does."""
    alone: dict[str, set[str]] = {}
    for part in SERVED:
        print(f"\n{part} alone", flush=True)
        alone[part] = {result.name for result in give_all(faults, "quick", part) if result.by}
    print("\npart         caught  only it")
    worth = True
    for part, names in alone.items():
        others: set[str] = set().union(*(found for other, found in alone.items() if other != part))
        print(f"{part:12} {len(names):6}  {len(names - others):7}  {', '.join(sorted(names - others)[:4])}")
        worth = worth and bool(names - others)
    return int(not worth)


def picked(words: list[str]) -> list[Fault]:
    """The faults whose names or kinds contain one of these words; all without words."""
    return [fault for fault in FAULTS if not words or any(word in f"{fault.kind}: {fault.name}" for word in words)]


def import_the_server() -> None:
    """All of it, before any fork: faster, and a file that is edited meanwhile does no harm."""
    for module in pkgutil.walk_packages(mockserver.__path__, "mockserver."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parts", action="store_true", help="give every fault to each part alone")
    parser.add_argument("words", nargs="*", help="only faults whose kind or name contains one of these")
    given = parser.parse_args()
    import_the_server()
    faults = picked(given.words)
    return run_parts(faults) if given.parts else run(faults)


if __name__ == "__main__":
    sys.exit(main())
