"""What a trial is, what comes of it, and the processes in which trials run."""

from __future__ import annotations

import contextlib
import json
import os
import re
import select
import signal
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, NoReturn

import pytest

from contract_tests.conftest import part_of
from tests.mutants import serve
from tests.mutants.fault import Fault

KEY = "mutants.key"
SETTINGS = ["--port", "0", "--api-key", KEY, "--users", "3", "--history-days", "5", "--log-level", "critical"]
#: Seconds after which a server that has not said where it listens is given up.
START = 60
#: By test: the operations and types of webhooks that it touches, and the seconds that it takes.
Touched = dict[str, tuple[list[str], float]]


@dataclass
class Outcome:
    """`by`: the test that failed first, "" when all passed. `touched`: by test, what it asked for and what it took."""

    by: str = ""
    part: str = ""
    said: str = ""
    error: str = ""
    seconds: float = 0.0
    touched: Touched = field(default_factory=dict)


@dataclass(frozen=True)
class Trial:
    """A fault for the suite; None: none, and every test is run. `part`: only its tests. `first`: words in the names of
    tests that come before all others."""

    fault: Fault | None
    part: str | None = None
    first: tuple[str, ...] = ()


class Endless(Exception):
    """It took longer than it may."""


def chosen(items: list[pytest.Item], trial: Trial, touched: Touched) -> list[pytest.Item]:
    """The tests that can notice the fault, those first that cost least. Without a fault: all, as they come."""
    if trial.part is not None:
        items = [item for item in items if part_of(item) == trial.part]
    if trial.fault is None:
        return items
    about = trial.fault.about
    if about and touched:
        items = [item for item in items if item.nodeid not in touched or about in touched[item.nodeid][0]]

    def order(item: pytest.Item) -> tuple[bool, bool, float]:
        named = any(word in item.name for word in trial.first)
        return not named, not _catches_much(item), touched.get(item.nodeid, ([], 0.0))[1]

    return sorted(items, key=order)


def _catches_much(item: pytest.Item) -> bool:
    """Whole worlds cost more than other tests and catch more than all of them."""
    return item.path.name == "test_whole_worlds.py" and "[0]" in item.name


# Processes

Work = Callable[[], Outcome]


def in_forks(works: Iterable[tuple[Trial, Work]], at_once: int) -> Iterator[tuple[Trial, Outcome]]:
    """Each in a process of its own, so many at a time; outcomes as they come."""
    waiting, running = iter(works), dict[int, tuple[Trial, int]]()
    while True:
        while len(running) < at_once and (one := next(waiting, None)) is not None:
            process, reading = fork(one[1])
            running[reading] = one[0], process
        if not running:
            return
        # A trial cannot end before its outcome is read: a pipe holds little.
        reading = select.select(list(running), [], [])[0][0]
        trial, process = running.pop(reading)
        yield trial, outcome_of(process, reading)


def fork(work: Work) -> tuple[int, int]:
    """The process, and where to read its outcome."""
    reading, writing = os.pipe()
    process = os.fork()
    if process == 0:
        os.close(reading)
        outcome = Outcome(error="the trial broke off")
        try:
            outcome = work()
        except BaseException as error:
            outcome.error = f"{type(error).__name__}: {error}"
        finally:
            with os.fdopen(writing, "w") as pipe:
                json.dump(asdict(outcome), pipe)
            os._exit(0)
    os.close(writing)
    return process, reading


def outcome_of(process: int, reading: int) -> Outcome:
    with os.fdopen(reading) as pipe:
        said = pipe.read()
    _, status = os.waitpid(process, 0)
    if os.waitstatus_to_exitcode(status) != 0 or not said:
        return Outcome(error="it did not end")
    return Outcome(**json.loads(said))


@contextlib.contextmanager
def at_most(seconds: int) -> Iterator[None]:
    """Raises `Endless` when it takes longer, in the main thread of this process."""

    def ring(*_: Any) -> NoReturn:
        raise Endless(f"not within {seconds} seconds")

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def fork_server(fault: Fault | None) -> tuple[int, str | None]:
    """A process that serves with the fault, and its base URL; None when it does not come up."""
    reading, writing = os.pipe()
    process = os.fork()
    if process == 0:
        os.close(reading)
        os.dup2(writing, 1)
        signal.alarm(0)
        try:
            serve.serve(fault, SETTINGS)
        finally:
            os._exit(1)
    os.close(writing)
    said = ""
    while select.select([reading], [], [], START)[0] and (more := os.read(reading, 4096).decode("utf-8", "replace")):
        said += more
        if found := re.search(r"http://[\w.:]+/v1\b", said):
            os.close(reading)
            return process, found.group()
    os.close(reading)
    return process, None


def end(server: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(server, signal.SIGKILL)
    os.waitpid(server, 0)


def be_silent() -> None:
    """Nothing of this process is shown any more, by whatever way it is written."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
