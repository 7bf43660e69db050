"""`make false-alarms`: the contract suite against correct implementations; everything that it finds is a false alarm.

First a second implementation that was written from the spec alone, and ours behind a proxy that rewrites everything;
then ours with odd catalogs and with random ones. The same seed gives the same random catalogs.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import multiprocessing
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import tomli_w

import contract_tests.generated  # noqa: F401  before the fork
from contract_tests.command import run as run_suite
from contract_tests.options import PROFILES, Options
from contract_tests.target import start
from tests import contract_proxy, standin
from tests.contract_otherwise import reworded
from tests.false_alarms.drawn import TENANT, drawn
from tests.false_alarms.odd import ODD

KEY = "false_alarms.key"
AT_ONCE = 2
DRAWN = 50

#: How an implementation is started: the suite's options for it, as long as it serves.
Started = AbstractContextManager[dict[str, Any]]


@dataclass(frozen=True)
class Result:
    """The output of a run, and whether it found something."""

    name: str
    alarm: bool
    said: str
    seconds: float


def targets(count: int, seed: int) -> dict[str, Callable[[], Started]]:
    """Every implementation by name, the last `count` with drawn catalogs."""
    found: dict[str, Callable[[], Started]] = {
        f"written from the spec, {frequency} streaks": partial(stand_in, frequency)
        for frequency in ("daily", "weekly", "monthly")
    }
    found["a proxy that rewrites everything"] = proxied
    found |= {name: partial(served, catalog) for name, catalog in ODD.items()}
    return found | {f"drawn {number}": partial(served, drawn(number)) for number in range(seed, seed + count)}


@contextmanager
def stand_in(frequency: str) -> Iterator[dict[str, Any]]:
    """The stand-in, which posts its webhooks to the suite."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    server = standin.StandIn(frequency=frequency, webhooks=f"http://127.0.0.1:{port}/hooks")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield {"base_url": server.url, "api_key": standin.KEY, "webhook_listen": port}
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def proxied() -> Iterator[dict[str, Any]]:
    """Ours behind the proxy, with its control plane."""
    with reworded() as front:
        yield {"base_url": front.url, "api_key": contract_proxy.KEY}


@contextmanager
def served(catalog: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Our server with a catalog; if that has tenants, the suite uses one of them."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "catalog.toml"
        file.write_text(tomli_w.dumps(catalog), "utf-8")
        words = ["serve", "--port", "0", "--api-key", KEY, "--users", "0", "--log-level", "warning"]
        url, stop = start([sys.executable, "-m", "mockserver", *words, "--catalog", str(file)])
        tenant = TENANT if catalog.get("settings", {}).get("multiTenant") else None
        try:
            yield {"base_url": url, "api_key": KEY, "tenant": tenant}
        finally:
            stop()


def give(target: tuple[str, Callable[[], Started]], profile: str) -> Result:
    """Runs the suite against an implementation."""
    (name, started), began = target, time.monotonic()
    with started() as options, contextlib.redirect_stdout(io.StringIO()) as said:
        code = run_suite(Options(**options, profile=profile), [])
    return Result(name, code != 0, said.getvalue(), time.monotonic() - began)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--drawn", type=int, default=DRAWN, help=f"how many catalogs are drawn ({DRAWN})")
    parser.add_argument("--seed", type=int, default=1, help="the seed of the first one")
    parser.add_argument("--profile", choices=PROFILES, default="quick")
    parser.add_argument("--at-once", type=int, default=AT_ONCE, help=f"how many runs go side by side ({AT_ONCE})")
    parser.add_argument("words", nargs="*", help="only implementations whose name contains one of these")
    given = parser.parse_args()
    rows = list(targets(given.drawn, given.seed).items())
    rows = [row for row in rows if not given.words or any(word in row[0] for word in given.words)]
    alarms: list[str] = []
    with multiprocessing.get_context("fork").Pool(given.at_once, maxtasksperchild=1) as pool:
        for number, result in enumerate(pool.imap_unordered(partial(give, profile=given.profile), rows), 1):
            verdict = "FALSE ALARM" if result.alarm else "passed"
            print(f"{number:4}/{len(rows)}  {result.seconds:5.1f} s  {result.name} — {verdict}", flush=True)
            if result.alarm:
                alarms.append(result.name)
                print(result.said, flush=True)
    print(f"\n{len(rows)} implementations, {len(alarms)} false alarms")
    return int(bool(alarms))


if __name__ == "__main__":
    sys.exit(main())
