"""`make wolves`: the contract suite against healthy servers with other catalogs; whatever it finds is a false alarm.

First the odd catalogs, then as many as asked for, drawn at random. The same seed draws the same ones.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import multiprocessing
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import tomli_w

import contract_tests.generated  # noqa: F401  before the fork
from contract_tests.command import run as run_suite
from contract_tests.options import PROFILES, Options
from contract_tests.target import start
from tests.wolves.drawn import TENANT, drawn
from tests.wolves.odd import ODD

KEY = "wolves.key"
AT_ONCE = 2
DRAWN = 50


@dataclass(frozen=True)
class Result:
    """What a run said, and whether it found something."""

    name: str
    alarm: bool
    said: str
    seconds: float


def catalogs(count: int, seed: int) -> Iterator[tuple[str, str, str | None]]:
    """Name, text and tenant of the odd catalogs and of `count` drawn ones."""
    for name, text in ODD.items():
        yield name, text, TENANT if "multiTenant" in text else None
    for number in range(seed, seed + count):
        yield f"drawn {number}", *drawn_text(number)


def drawn_text(seed: int) -> tuple[str, str | None]:
    """A drawn catalog as TOML, and the tenant to speak for."""
    data: dict[str, Any] = drawn(seed)
    return tomli_w.dumps(data), TENANT if data["settings"].get("multiTenant") else None


def give(catalog: tuple[str, str, str | None], profile: str) -> Result:
    """A server with this catalog to the suite."""
    (name, text, tenant), began = catalog, time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "catalog.toml"
        file.write_text(text, "utf-8")
        words = ["serve", "--port", "0", "--api-key", KEY, "--users", "0", "--log-level", "warning"]
        url, stop = start([sys.executable, "-m", "mockserver", *words, "--catalog", str(file)])
        try:
            with contextlib.redirect_stdout(io.StringIO()) as said:
                code = run_suite(Options(base_url=url, api_key=KEY, tenant=tenant, profile=profile), [])
        finally:
            stop()
    return Result(name, code != 0, said.getvalue(), time.monotonic() - began)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--drawn", type=int, default=DRAWN, help=f"how many catalogs are drawn ({DRAWN})")
    parser.add_argument("--seed", type=int, default=1, help="the seed of the first one")
    parser.add_argument("--profile", choices=PROFILES, default="quick")
    parser.add_argument("words", nargs="*", help="only catalogs whose name contains one of these")
    given = parser.parse_args()
    rows = list(catalogs(given.drawn, given.seed))
    rows = [row for row in rows if not given.words or any(word in row[0] for word in given.words)]
    alarms = []
    with multiprocessing.get_context("fork").Pool(AT_ONCE, maxtasksperchild=1) as pool:
        for number, result in enumerate(pool.imap_unordered(partial(give, profile=given.profile), rows), 1):
            verdict = "FALSE ALARM" if result.alarm else "passed"
            print(f"{number:4}/{len(rows)}  {result.seconds:5.1f} s  {result.name} — {verdict}", flush=True)
            alarms += [result] if result.alarm else []
    for result in alarms:
        print(f"\n{result.name}:\n{result.said}")
    print(f"\n{len(rows)} catalogs, {len(alarms)} false alarms")
    return int(bool(alarms))


if __name__ == "__main__":
    sys.exit(main())
