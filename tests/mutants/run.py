"""`make mutants`: every planted fault, one at a time, against the suite; what catches it, and how long it takes.

`quick` gets every fault, `standard` those that `quick` lets pass. `--parts` shows what each part catches alone.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from contract_tests.options import PARTS
from contract_tests.target import CannotRun, start
from tests.mutants.fault import Fault
from tests.mutants.faults import FAULTS

ROOT = Path(__file__).parents[2]
KEY = "mutants.key"
AT_ONCE = 2
LONGEST = 240  # seconds for one fault


@dataclass(frozen=True)
class Result:
    """`by`: the part and test that caught the fault first; None when it got through."""

    fault: Fault
    profile: str
    by: str | None
    part: str
    seconds: float
    trouble: str = ""


def give(fault: Fault, profile: str, parts: str | None = None) -> Result:
    """One fault to the suite, which stops at its first failure."""
    began = time.monotonic()
    command = [sys.executable, "-W", "ignore", "-m", "tests.mutants.serve", fault.name]
    try:
        url, stop = start([*command, "--port", "0", "--api-key", KEY, "--users", "3", "--history-days", "5"])
    except CannotRun as error:
        return Result(fault, profile, None, "", time.monotonic() - began, str(error))
    try:
        code, by, part, said = _suite(url, profile, parts)
    finally:
        stop()
    trouble = said if code not in (0, 1) else ""
    return Result(fault, profile, by if code == 1 else None, part, time.monotonic() - began, trouble)


def _suite(url: str, profile: str, parts: str | None) -> tuple[int, str, str, str]:
    with tempfile.TemporaryDirectory() as place:
        report = Path(place) / "junit.xml"
        words = ["--profile", profile, "--fail-fast", "--junit-xml", str(report), "--webhook-listen", "0"]
        words += ["--parts", parts] if parts else []
        found = subprocess.run(
            [sys.executable, "-m", "contract_tests.command", url, "--api-key", KEY, *words],
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=LONGEST,
            check=False,
        )
        by, part = _first_failure(report) if report.exists() else ("", "")
    return found.returncode, by, part, (found.stderr or found.stdout).strip()[-200:]


def _first_failure(report: Path) -> tuple[str, str]:
    """The first test that failed, and its part."""
    for case in ET.parse(report).getroot().iter("testcase"):
        if case.find("failure") is not None or case.find("error") is not None:
            said = case.find("failure") if case.find("failure") is not None else case.find("error")
            part = re.search(r"found by +(\w+)", (said.text or "") if said is not None else "")
            return str(case.get("name")), part.group(1) if part else "?"
    return "", ""


def give_all(faults: list[Fault], profile: str, parts: str | None = None) -> list[Result]:
    """Two at a time, with progress."""
    results: list[Result] = []
    with ThreadPoolExecutor(AT_ONCE) as pool:
        waiting = [pool.submit(give, fault, profile, parts) for fault in faults]
        for number, done in enumerate(as_completed(waiting), 1):
            result = done.result()
            results.append(result)
            verdict = f"caught by {result.part}: {result.by}" if result.by else f"GOT THROUGH {result.trouble}"
            line = f"{number:4}/{len(faults)}  {result.seconds:5.1f} s  {result.fault.kind}: {result.fault.name}"
            print(f"{line} — {verdict}", flush=True)
    return results


def run(faults: list[Fault]) -> int:
    """All faults to quick, the survivors to standard; 0 if every one is caught."""
    began = time.monotonic()
    print(f"{len(faults)} faults, {AT_ONCE} at a time, to quick", flush=True)
    results = give_all(faults, "quick")
    survivors = [result.fault for result in results if not result.by]
    later = []
    if survivors:
        print(f"\n{len(survivors)} survivors to standard", flush=True)
        later = give_all(survivors, "standard")
    lost = [result for result in later if not result.by]
    summary([*(result for result in results if result.by), *(result for result in later if result.by)])
    quick, standard = len(faults) - len(survivors), len(faults) - len(lost)
    print(f"\nquick     {quick}/{len(faults)} caught ({100 * quick / len(faults):.0f} %)")
    print(f"standard  {standard}/{len(faults)} caught ({100 * standard / len(faults):.0f} %)")
    print(f"time      {(time.monotonic() - began) / 60:.1f} minutes")
    for result in lost:
        print(f"GOT THROUGH  {result.fault.kind}: {result.fault.name} {result.trouble}")
    return int(bool(lost))


def summary(caught: list[Result]) -> None:
    """Which part was the first to catch how many, by kind of fault."""
    parts, kinds = Counter(result.part for result in caught), Counter(result.fault.kind for result in caught)
    print("\ncaught first by  " + ", ".join(f"{part} {count}" for part, count in parts.most_common()))
    print("by kind          " + ", ".join(f"{kind} {count}" for kind, count in kinds.most_common()))


def run_parts(faults: list[Fault]) -> int:
    """Each part alone: what it catches, and what no other part does."""
    alone: dict[str, set[str]] = {}
    for part in [part for part in PARTS if part != "document"]:
        print(f"\n{part} alone", flush=True)
        alone[part] = {result.fault.name for result in give_all(faults, "quick", part) if result.by}
    print("\npart         caught  only it")
    worth = True
    for part, names in alone.items():
        others: set[str] = set().union(*(found for other, found in alone.items() if other != part))
        print(f"{part:12} {len(names):6}  {len(names - others):7}  {', '.join(sorted(names - others)[:4])}")
        worth = worth and bool(names - others)
    return int(not worth)


def picked(names: list[str]) -> list[Fault]:
    """The faults whose names or kinds contain one of these words; all without words."""
    wanted: Callable[[Fault], bool] = lambda fault: not names or any(n in f"{fault.kind} {fault.name}" for n in names)  # noqa: E731
    return [fault for fault in FAULTS if wanted(fault)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parts", action="store_true", help="give every fault to each part alone")
    parser.add_argument("names", nargs="*", help="only faults whose kind or name contains one of these")
    given = parser.parse_args()
    faults = picked(given.names)
    return run_parts(faults) if given.parts else run(faults)


if __name__ == "__main__":
    sys.exit(main())
