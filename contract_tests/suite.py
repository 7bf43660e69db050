"""One run of the suite: its options, its target, the exchanges that it saw and its findings.

Every response, in every part, is checked against the spec.
"""

from __future__ import annotations

import http.client
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from contract_tests.blame import blamed
from contract_tests.client import NoResponse
from contract_tests.compared import Compared
from contract_tests.coverage import Coverage
from contract_tests.exchange import Exchange
from contract_tests.findings import Finding, Findings
from contract_tests.options import Options
from contract_tests.receiver import WebhookReceiver
from contract_tests.sentences import says_something, sentence
from contract_tests.spec import Problem, Spec, is_live_status
from contract_tests.target import CannotRun, Target, check_options, connect, load_spec

#: A test that sends more requests than this keeps only the newest.
MAX_EXCHANGES = 400
#: After this many timeouts no more requests are sent to the target.
MAX_TIMEOUTS = 3
#: How often a target that did not respond is tried again, and after how many seconds each.
PINGS, PING_GAP = 5, 0.5


@dataclass
class RunningTest:
    """The test that runs now: the requests that it has sent, and the keys of its findings.

    `afterwards` are checks that run when the test's body is over. `worlds` are those made for it: key and settings.
    `compared` is the comparison that failed last.
    """

    part: str
    name: str
    rule: str = ""
    source: str = ""
    exchanges: list[Exchange] = field(default_factory=list)
    keys: dict[str, None] = field(default_factory=dict)
    extra: dict[str, Any] = field(default_factory=dict)
    afterwards: list[Callable[[], None]] = field(default_factory=list)
    worlds: list[dict[str, Any]] = field(default_factory=list)
    compared: Compared | None = None


class Suite:
    """Shared by all tests of a run."""

    def __init__(self, options: Options) -> None:
        """Raises `CannotRun` for options that make no sense."""
        check_options(options)
        self.options = options
        self.spec: Spec = load_spec(options)
        self.coverage = Coverage(self.spec)
        self.findings = Findings()
        self.noted: Counter[tuple[str, int]] = Counter()
        self.skipped: dict[str, str] = {}
        self.outcomes: dict[str, dict[str, int]] = {}
        self.target: Target | None = None
        self.closed = False
        self.nothing_to_run = False
        self.running: RunningTest | None = None
        self.parts_run: set[str] = set()
        self.prepared = False
        self.unwritten = ""  # which report could not be written, and why
        self.config: dict[str, list[str]] = {}
        self.captured: list[tuple[int, str]] = []
        self.receiver: WebhookReceiver | None = None
        self.known: set[str] = set()
        self.vanished: list[str] = []
        self.unreachable = ""  # why no more requests are sent
        self.stopped = ""  # why the run ended before its last test
        self.only: set[str] | None = None  # the tests to run, by name; None: all
        self.ran: set[str] = set()
        self.began = time.time()
        self._timeouts = 0
        self._lock = threading.Lock()

    def connect(self) -> Target:
        """Reach the target once. Raises `CannotRun`."""
        if self.target is None:
            for name in self.options.operations:
                if name not in self.spec.operations:
                    raise CannotRun(f"--operations: the spec has no operation {name}.")
            self.target = connect(self.options, self.observe, self.no_response)
        return self.target

    @property
    def needs_target(self) -> bool:
        """Whether any of the parts to run sends requests."""
        return self.options.parts != ("document",)

    def close(self) -> None:
        if self.closed:
            return
        if self.receiver is not None:
            self.receiver.close()
            self.receiver = None
        if self.target is not None:
            self.closed = True
            self.target.client.connections.close()
            self.target.stop()

    def begin(self, part: str, name: str, rule: str, source: str) -> None:
        self.running = RunningTest(part, name, rule, source)
        self.parts_run.add(part)

    @contextmanager
    def outside_test(self) -> Iterator[None]:
        """Requests sent meanwhile are not recorded for the running test, although their findings are."""
        running = self.running
        if running is None:
            yield
            return
        self.running = RunningTest(running.part, running.name, running.rule, running.source, keys=running.keys)
        try:
            yield
        finally:
            self.running = running

    def end(self) -> None:
        self.running = None

    def observe(self, exchange: Exchange) -> None:
        """Record an exchange, and a finding for everything in its response that breaks the spec."""
        with self._lock:
            running = self.running
            exchange.part = running.part if running else "set-up"
            self.coverage.record(exchange)
            if running is not None:
                running.exchanges.append(exchange)
                del running.exchanges[:-MAX_EXCHANGES]
                for problem in self.problems(exchange):
                    self.add_response_finding(exchange, problem)

    def problems(self, exchange: Exchange) -> list[Problem]:
        """Everything in this response that breaks the spec. A status that the real service sends is only noted."""
        operation = exchange.operation
        if operation is None:
            return []
        if exchange.status not in operation.statuses and is_live_status(operation, exchange.status):
            self.noted[operation.id, exchange.status] += 1
            if self.options.strict:
                source = f"{operation.pointer}/responses"
                return [Problem(source, f"status {exchange.status} is not declared (--strict)")]
        return self.spec.check_response(operation, exchange.status, exchange.media, exchange.response_body)

    def add_response_finding(self, exchange: Exchange, problem: Problem) -> None:
        assert exchange.operation is not None
        rule = f"The {exchange.status} response of {exchange.operation.id} matches the spec"
        self.add_finding(f"{rule}: {_kind(problem.message)}", problem.source, problem.message, exchange, anywhere=True)

    def add_webhook_finding(self, kind: str, problem: Problem, place: str = "") -> None:
        """`place` is where the webhook was captured."""
        rule = f"The webhook {kind} matches the spec: {_kind(problem.message)}"
        got = f"{place}: {problem.message}" if place else problem.message
        self.add_finding(rule, problem.source, got, anywhere=True)

    def add_finding(
        self, rule: str, source: str, got: str, exchange: Exchange | None = None, *, anywhere: bool = False
    ) -> None:
        """Add a finding of the test that runs now. `anywhere`: other tests may find the same."""
        self.add(self._finding(rule, source, got, exchange, anywhere=anywhere))

    def _finding(
        self, rule: str, source: str, got: str, exchange: Exchange | None, *, anywhere: bool = False
    ) -> Finding:
        running = self.running or RunningTest("set-up", "set-up")
        operation = exchange.operation.id if exchange and exchange.operation else "-"
        exchanges = list(running.exchanges)
        if exchange in exchanges:  # later requests do not belong to the finding
            exchanges = exchanges[: exchanges.index(exchange) + 1]
        extra = {**running.extra, "worlds": list(running.worlds)}
        return Finding(
            running.part, running.name, operation, rule, source, got, exchange, exchanges, extra, anywhere=anywhere
        )

    def add(self, finding: Finding) -> None:
        self.findings.add(finding)
        if self.running:
            self.running.keys[finding.key] = None

    def crashed(self, error: BaseException) -> None:
        """The running test failed with an error: its message, and the request that it is about, become a finding."""
        running = self.running
        assert running is not None
        exchange = blamed(error, running.exchanges)
        if isinstance(error, KeyError | IndexError | TypeError | AttributeError):
            running.compared = None
            if exchange is not None and running.keys and self.problems(exchange):
                return  # the response breaks the spec there, which is the cause and is reported already
        finding = self._finding(running.rule, running.source, sentence(error, running.rule), exchange)
        if isinstance(error, AssertionError) and running.compared:
            compared = running.compared
            if not says_something(error):
                finding.field, finding.expected, finding.got = compared
            elif "expected" not in finding.got:
                finding.field, finding.expected = compared.field, compared.expected
        self.add(finding)

    def no_response(self, missing: NoResponse) -> None:
        """A request got no response: one finding, however often. To a target that is gone no more requests are sent."""
        missing.recorded = True
        if self.unreachable:
            return
        running = self.running
        if running is not None:
            running.exchanges.append(missing.exchange)
        finding = self._finding("Every request gets a response", "HTTP", str(missing), missing.exchange, anywhere=True)
        finding.everywhere = True
        self.add(finding)
        self._timeouts += missing.timed_out
        if self._timeouts >= MAX_TIMEOUTS or not self._still_responds():
            self.unreachable = f"the target no longer responds, since {running.name if running else 'the start'}"

    def _still_responds(self) -> bool:
        """Whether another request gets a response within a few seconds."""
        client = self.target.client if self.target else None
        if client is None:
            return True
        for _ in range(PINGS):
            try:
                client.connections.exchange("GET", "/", None, client.headers())
            except ConnectionError:
                time.sleep(PING_GAP)
            except (OSError, http.client.HTTPException):
                return True  # slow, but there
            else:
                return True
        return False

    def count(self, part: str, outcome: str) -> None:
        row = self.outcomes.setdefault(part, {})
        row[outcome] = row.get(outcome, 0) + 1


def _kind(message: str) -> str:
    """The problem without the values of this one response: a list of a hundred bad rows is one defect.

    The field is named without quotes, because a finding's key leaves out quoted text.
    """
    place, colon, text = message.partition(": ")
    if not colon or not (place.startswith("/") or place == "the body"):
        place, text = "", message
    text = re.sub(r'"([^"]*)" is a required property', r"\1 is a required property", text)
    text = re.sub(r"^[\[{].*[\]}] (?=is|has|does|do)", "it ", text)
    return f"{re.sub(r'[0-9]+', '#', place)} {text}".strip()[:120]
