"""The suite, collected once and then run against one server after the other, each with a fault of its own.

Every trial is a process that was forked with all tests collected. It stops at the first failure, and begins with the
tests that are the most likely to fail: those that touch what is wrong, the cheapest first. Faults of what goes out are
tried on a recording before, which needs no server.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import contract_tests
import mockserver
from contract_tests import client
from contract_tests.conftest import SUITE, part_of
from contract_tests.options import PARTS, Options, Profile
from contract_tests.ready import prepare
from contract_tests.receiver import Inbox, Webhook
from contract_tests.run import Run
from contract_tests.suite import Suite
from tests.mutants.recording import HEALTHY, Recording, can_replay, works
from tests.mutants.tries import (
    KEY,
    Endless,
    Outcome,
    Touched,
    Trial,
    at_most,
    be_silent,
    chosen,
    end,
    fork,
    fork_server,
    in_forks,
    outcome_of,
)

SERVED = tuple(part for part in PARTS if part != "document")
#: Seconds after which a trial is given up, by profile. A server that hangs is noticed by the first request that waits.
LONGEST = {"quick": 400, "standard": 1200, "thorough": 3600}
#: Seconds that a request may take in a trial: a server on the same machine that takes longer hangs.
PATIENCE = 30.0
#: For fewer faults than this nobody finds out first which test touches what: it takes a run of the whole suite.
WORTH_IT = 20
Report = Callable[[Trial, Outcome], None]


def trials(
    wanted: list[Trial], profile: Profile, at_once: int, seed: int, report: Report, *, replay_only: bool = False
) -> None:
    """Run them all; `report` gets each outcome as it comes in. `replay_only`: on a recording alone."""
    healthy, url = fork_server(None)
    try:
        options = Options(url, KEY, profile=profile, seed=seed, parts=SERVED)
        _collect(Loop(wanted, options, at_once, report, replay_only))
    finally:
        end(healthy)


def _collect(loop: Loop) -> None:
    """pytest's own way to all tests; what is run, and where, is the loop's business."""
    here = Path(contract_tests.__file__).parent
    quiet = ["-qq", "--no-header", "--tb=no", "--no-summary", "-p", "no:cacheprovider"]
    quiet += ["--disable-plugin-autoload", "-p", "schemathesis.pytest.plugin", "-s", "--maxfail=1"]
    apart = ["-c", str(here / "pytest.ini"), "--rootdir", str(here), "--confcutdir", str(here)]
    # How many tests there are depends on the profile, and is decided when they are imported.
    for name in [name for name in sys.modules if name.startswith("contract_tests.test_")]:
        del sys.modules[name]
    pytest.main([str(here), *quiet, *apart], plugins=[Suite(loop.options), loop])
    if loop.error is not None:
        raise loop.error


class Loop:
    """In the place of pytest's loop over the tests."""

    def __init__(self, wanted: list[Trial], options: Options, at_once: int, report: Report, replay_only: bool) -> None:
        self.wanted, self.options, self.at_once, self.report = wanted, options, at_once, report
        self.replay_only = replay_only
        self.error: BaseException | None = None

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        try:
            caught = set()
            for trial, outcome in self._on_a_recording(session):
                if outcome.by or self.replay_only:
                    caught.add(trial)
                    self.report(trial, outcome)
            left = [trial for trial in self.wanted if trial not in caught]
            touched = self._touched(session, left) if left else {}
            rest = [(trial, partial(self._run, session, trial, touched)) for trial in left]
            for trial, outcome in in_forks(rest, self.at_once):
                self.report(trial, outcome)
        except BaseException as error:
            self.error = error
        return True

    # On a recording

    def _on_a_recording(self, session: pytest.Session) -> Iterator[tuple[Trial, Outcome]]:
        """The faults that can be replayed, in another process: this one stays as it is."""
        wanted = [trial for trial in self.wanted if trial.fault and not trial.part and can_replay(trial.fault)]
        if len(wanted) < WORTH_IT and not self.replay_only:
            return
        reading, writing = os.pipe()
        process = os.fork()
        if process == 0:
            os.close(reading)
            with os.fdopen(writing, "w", buffering=1) as pipe:
                try:
                    self._replay(session, wanted, pipe)
                except BaseException as error:
                    pipe.write(json.dumps([-1, {"error": f"{type(error).__name__}: {error}"}]) + "\n")
            os._exit(0)
        os.close(writing)
        with os.fdopen(reading) as lines:
            for line in lines:
                number, outcome = json.loads(line)
                if number < 0:
                    raise RuntimeError(outcome["error"])
                yield wanted[number], Outcome(**outcome)
        os.waitpid(process, 0)

    def _replay(self, session: pytest.Session, wanted: list[Trial], pipe: Any) -> None:
        server, url = fork_server(HEALTHY)
        try:
            be_silent()
            made = Recording(session, self._against(session, url))
        finally:
            end(server)
        made.keep(outcome_of(*fork(made.replayable)).touched)
        for trial, outcome in in_forks(works(made, wanted), self.at_once):
            pipe.write(json.dumps([wanted.index(trial), asdict(outcome)]) + "\n")

    # Against a server

    def _touched(self, session: pytest.Session, wanted: list[Trial]) -> Touched:
        """What each test touches on a healthy server; remembered as long as neither suite nor server changes."""
        place = Path(tempfile.gettempdir()) / f"mutants-{_print_of_sources(self.options)}.json"
        if place.exists():
            found: Touched = json.loads(place.read_text())
            return found
        if len(wanted) < WORTH_IT:
            return {}
        outcome = outcome_of(*fork(partial(self._run, session, Trial(None), {})))
        if outcome.by or outcome.error:
            raise RuntimeError(f"The healthy server fails: {outcome.by} {outcome.error} {outcome.said}")
        place.write_text(json.dumps(outcome.touched))
        return outcome.touched

    def _run(self, session: pytest.Session, trial: Trial, touched: Touched) -> Outcome:
        """In a process of its own: a server with the fault, and the suite until its first failure."""
        began, outcome = time.monotonic(), Outcome()
        client.TIMEOUT = PATIENCE
        server, url = fork_server(trial.fault)
        try:
            be_silent()
            with at_most(LONGEST[self.options.profile]):
                self._until_it_fails(session, url, trial, touched, outcome)
        except Endless as endless:
            outcome.error = str(endless)
        finally:
            end(server)
        outcome.seconds = time.monotonic() - began
        return outcome

    def _against(self, session: pytest.Session, url: str) -> Suite:
        """A suite of its own for this process."""
        suite = Suite(replace(self.options, base_url=url))
        session.config.stash[SUITE] = suite
        Run.options, Run.spec, Run.fail_fast = suite.options, suite.spec, True
        prepare(suite)
        return suite

    def _until_it_fails(
        self, session: pytest.Session, url: str | None, trial: Trial, touched: Touched, outcome: Outcome
    ) -> None:
        if url is None:
            outcome.by, outcome.part = "the start of the server", "start"
            return
        suite = self._against(session, url)
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


def _print_of_sources(options: Options) -> str:
    """Of all that decides what a test touches."""
    found = hashlib.sha256(f"{options.profile} {options.seed}".encode())
    for package in (contract_tests, mockserver):
        for path in sorted(Path(str(package.__file__)).parent.rglob("*.py")):
            found.update(path.read_bytes())
    return found.hexdigest()[:20]
