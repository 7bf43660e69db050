"""The suite, collected once and then run against one server after the other, each with a fault of its own.

Every trial is a process that was forked with all tests collected. It stops at the first failure, and begins with the
tests that are the most likely to fail: those that touch what is wrong, the cheapest first.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import select
import signal
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

import contract_tests
import mockserver
from contract_tests.conftest import SUITE, part_of
from contract_tests.options import PARTS, Options, Profile
from contract_tests.ready import prepare
from contract_tests.receiver import Inbox, Webhook
from contract_tests.run import Run
from contract_tests.suite import Suite
from tests.mutants import serve
from tests.mutants.fault import Fault

KEY = "mutants.key"
SERVED = tuple(part for part in PARTS if part != "document")
SETTINGS = ["--port", "0", "--api-key", KEY, "--users", "3", "--history-days", "5", "--log-level", "critical"]
#: Seconds after which a trial is given up: the server hangs, or the suite does.
LONGEST = 900
#: For fewer faults than this nobody finds out first which test touches what: it takes a run of the whole suite.
WORTH_IT = 20


@dataclass
class Outcome:
    """`by`: the test that failed first, "" when all passed. `touched`: by test, what it asked for and what it took."""

    by: str = ""
    part: str = ""
    said: str = ""
    trouble: str = ""
    seconds: float = 0.0
    touched: dict[str, tuple[list[str], float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Trial:
    """A fault for the suite; None: none, and every test is run. `part`: only its tests."""

    fault: Fault | None
    part: str | None = None


Touched = dict[str, tuple[list[str], float]]


def trials(
    wanted: list[Trial], profile: Profile, at_once: int, seed: int, report: Callable[[Trial, Outcome], None]
) -> None:
    """Run them all; `report` gets each outcome as it comes in."""
    healthy, url = fork_server(None)
    try:
        _collect(wanted, Options(url, KEY, profile=profile, seed=seed, parts=SERVED), at_once, report)
    finally:
        end(healthy)


def _collect(wanted: list[Trial], options: Options, at_once: int, report: Callable[[Trial, Outcome], None]) -> None:
    """pytest's own way to all tests; what is run, and where, is the loop's business."""
    here = Path(contract_tests.__file__).parent
    quiet = ["-qq", "--no-header", "--tb=no", "--no-summary", "-p", "no:cacheprovider"]
    quiet += ["--disable-plugin-autoload", "-p", "schemathesis.pytest.plugin", "-s", "--maxfail=1"]
    apart = ["-c", str(here / "pytest.ini"), "--rootdir", str(here), "--confcutdir", str(here)]
    loop = Loop(wanted, options, at_once, report)
    pytest.main([str(here), *quiet, *apart], plugins=[Suite(options), loop])
    if loop.trouble is not None:
        raise loop.trouble


class Loop:
    """In the place of pytest's loop over the tests."""

    def __init__(
        self, wanted: list[Trial], options: Options, at_once: int, report: Callable[[Trial, Outcome], None]
    ) -> None:
        self.wanted, self.options, self.at_once, self.report = wanted, options, at_once, report
        self.trouble: BaseException | None = None

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        try:
            touched = self._touched(session)
            running: dict[int, tuple[Trial, int]] = {}
            waiting = list(reversed(self.wanted))
            while waiting or running:
                while waiting and len(running) < self.at_once:
                    trial = waiting.pop()
                    running_process, reading = self._fork(session, trial, touched)
                    running[running_process] = trial, reading
                self._collect_one(running)
        except BaseException as error:
            self.trouble = error
        return True

    def _touched(self, session: pytest.Session) -> Touched:
        """What each test touches on a healthy server; remembered as long as neither suite nor server changes."""
        place = Path(tempfile.gettempdir()) / f"mutants-{_print_of_sources(self.options)}.json"
        if place.exists():
            found: Touched = json.loads(place.read_text())
            return found
        if len(self.wanted) < WORTH_IT:
            return {}
        process, reading = self._fork(session, Trial(None), {})
        outcome = _outcome(process, reading)
        if outcome.by or outcome.trouble:
            raise RuntimeError(f"The healthy server fails: {outcome.by} {outcome.trouble} {outcome.said}")
        place.write_text(json.dumps(outcome.touched))
        return outcome.touched

    def _collect_one(self, running: dict[int, tuple[Trial, int]]) -> None:
        """The next trial that ends."""
        process = next(iter(running)) if self.at_once == 1 else _first_to_speak(running)
        trial, reading = running.pop(process)
        self.report(trial, _outcome(process, reading))

    def _fork(self, session: pytest.Session, trial: Trial, touched: Touched) -> tuple[int, int]:
        reading, writing = os.pipe()
        process = os.fork()
        if process == 0:
            os.close(reading)
            outcome = Outcome(trouble="the trial broke off")
            try:
                outcome = self._run(session, trial, touched)
            except BaseException as error:
                outcome.trouble = f"{type(error).__name__}: {error}"
            finally:
                with os.fdopen(writing, "w") as pipe:
                    json.dump(asdict(outcome), pipe)
                os._exit(0)
        os.close(writing)
        return process, reading

    def _run(self, session: pytest.Session, trial: Trial, touched: Touched) -> Outcome:
        """In a process of its own: a server with the fault, and the suite until its first failure."""
        began, outcome = time.monotonic(), Outcome()
        signal.alarm(LONGEST)
        server, url = fork_server(trial.fault)
        try:
            be_silent()
            if url is None:
                outcome.trouble = "the server did not start"
            else:
                self._against(session, url, trial, touched, outcome)
        finally:
            end(server)
        outcome.seconds = time.monotonic() - began
        return outcome

    def _against(self, session: pytest.Session, url: str, trial: Trial, touched: Touched, outcome: Outcome) -> None:
        suite = Suite(replace(self.options, base_url=url))
        session.config.stash[SUITE] = suite
        Run.options, Run.spec, Run.fail_fast = suite.options, suite.spec, True
        prepare(suite)
        asked: list[str] = []
        _listen(suite, asked)
        items = chosen(session.items, trial, touched)
        for item, after in zip(items, [*items, None][1:], strict=True):
            asked.clear()
            began = time.monotonic()
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=after)
            outcome.touched[item.nodeid] = sorted(set(asked)), time.monotonic() - began
            if session.testsfailed:
                outcome.by, outcome.part = item.name, part_of(item)
                outcome.said = next((f"{one.rule}: {one.got}"[:300] for one in suite.findings), "")
                return


def chosen(items: list[pytest.Item], trial: Trial, touched: Touched) -> list[pytest.Item]:
    """The tests that can notice the fault, those first that cost least. Without a fault: all, as they come."""
    if trial.part is not None:
        items = [item for item in items if part_of(item) == trial.part]
    if trial.fault is None:
        return items
    about = trial.fault.about
    if about and touched:
        items = [item for item in items if item.nodeid not in touched or about in touched[item.nodeid][0]]
    return sorted(items, key=lambda item: (not _sees_much(item), touched.get(item.nodeid, ([], 0.0))[1]))


def _sees_much(item: pytest.Item) -> bool:
    """Whole worlds cost more than other tests and catch more than all of them."""
    return item.path.name == "test_whole_worlds.py" and "[0]" in item.name


def _listen(suite: Suite, asked: list[str]) -> None:
    """Every operation that is asked and every webhook that comes in is noted."""
    observe, take = suite.observe, Inbox.take

    def watched(exchange: Any) -> None:
        if exchange.operation is not None:
            asked.append(exchange.operation.id)
        observe(exchange)

    def noted(inbox: Inbox, webhook: Webhook) -> int:
        asked.append(webhook.kind)
        return take(inbox, webhook)

    suite.observe = watched  # type: ignore[method-assign]
    if suite.target is not None:
        suite.target.client.observer = watched  # clients of other keys have it from this one
    Inbox.take = noted  # type: ignore[method-assign]


def _first_to_speak(running: dict[int, tuple[Trial, int]]) -> int:
    """The trial whose outcome comes first. It cannot end before that is read: a pipe holds little."""
    processes = {reading: process for process, (_, reading) in running.items()}
    return processes[select.select(list(processes), [], [])[0][0]]


def _outcome(process: int, reading: int) -> Outcome:
    with os.fdopen(reading) as pipe:
        said = pipe.read()
    _, status = os.waitpid(process, 0)
    if os.waitstatus_to_exitcode(status) != 0 or not said:
        return Outcome(trouble="it did not end")
    return Outcome(**json.loads(said))


def fork_server(fault: Fault | None) -> tuple[int, str | None]:
    """A process that serves with the fault, and its base URL."""
    reading, writing = os.pipe()
    process = os.fork()
    if process == 0:
        os.close(reading)
        os.dup2(writing, 1)
        try:
            serve.serve(fault, SETTINGS)
        finally:
            os._exit(1)
    os.close(writing)
    with open(reading, encoding="utf-8") as lines:
        for line in lines:
            if found := re.search(r"http://[\w.:]+/v1", line):
                return process, found.group()
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


def _print_of_sources(options: Options) -> str:
    """Of all that decides what a test touches."""
    found = hashlib.sha256(f"{options.profile} {options.seed}".encode())
    for package in (contract_tests, mockserver):
        for path in sorted(Path(str(package.__file__)).parent.rglob("*.py")):
            found.update(path.read_bytes())
    return found.hexdigest()[:20]
