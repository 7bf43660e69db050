"""One run: its options, its target, what it saw and what it found.

Every answer, in every part, is held against the document.
"""

from __future__ import annotations

import json
import re
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from contract_tests.coverage import Coverage
from contract_tests.document import Document, Problem, is_live_status
from contract_tests.exchange import Exchange
from contract_tests.findings import Finding, Findings
from contract_tests.mailbox import PostOffice
from contract_tests.options import Options
from contract_tests.target import CannotRun, Target, check_options, connect, load_document

#: A test that sends more than this keeps only the newest for its story.
STORY = 400


@dataclass
class Running:
    """The test that runs now: what it has sent, and which findings are its own.

    `afterwards` is called when its body is over, for what can be found only then.
    """

    part: str
    name: str
    rule: str = ""
    source: str = ""
    story: list[Exchange] = field(default_factory=list)
    keys: dict[str, None] = field(default_factory=dict)
    extra: dict[str, Any] = field(default_factory=dict)
    afterwards: list[Callable[[], None]] = field(default_factory=list)


class Suite:
    """Shared by all tests of a run."""

    def __init__(self, options: Options) -> None:
        """Raises `CannotRun` for options that make no sense."""
        check_options(options)
        self.options = options
        self.document: Document = load_document(options)
        self.coverage = Coverage(self.document)
        self.findings = Findings()
        self.noted: Counter[tuple[str, int]] = Counter()
        self.skipped: dict[str, str] = {}
        self.outcomes: dict[str, dict[str, int]] = {}
        self.target: Target | None = None
        self.closed = False
        self.nothing_to_run = False
        self.running: Running | None = None
        self.parts_run: set[str] = set()
        self.prepared = False
        self.unwritten = ""  # which report could not be written, and why
        self.config: dict[str, list[str]] = {}
        self.captured: list[tuple[int, str]] = []
        self.office: PostOffice | None = None
        self.known: set[str] = set()
        self.vanished: list[str] = []
        self._lock = threading.Lock()

    def connect(self) -> Target:
        """Reach the target once. Raises `CannotRun`."""
        if self.target is None:
            for name in self.options.operations:
                if name not in self.document.operations:
                    raise CannotRun(f"--operations: the document has no operation {name}.")
            self.target = connect(self.options, self.observe)
        return self.target

    @property
    def needs_target(self) -> bool:
        """Whether any of the parts to run sends requests."""
        return self.options.parts != ("document",)

    def close(self) -> None:
        if self.closed:
            return
        if self.office is not None:
            self.office.close()
            self.office = None
        if self.target is not None:
            self.closed = True
            self.target.client.wire.close()
            self.target.stop()

    def begin(self, part: str, name: str, rule: str, source: str) -> None:
        self.running = Running(part, name, rule, source)
        self.parts_run.add(part)

    def end(self) -> None:
        self.running = None

    def observe(self, exchange: Exchange) -> None:
        """Record an exchange, and every way in which its answer breaks the document."""
        with self._lock:
            running = self.running
            exchange.part = running.part if running else "set-up"
            self.coverage.saw(exchange)
            if running is not None:
                running.story.append(exchange)
                del running.story[:-STORY]
                for problem in self.problems(exchange):
                    self.found_in_answer(exchange, problem)

    def problems(self, exchange: Exchange) -> list[Problem]:
        """What the document has against this answer; a status of the real service is only noted."""
        operation = exchange.operation
        if operation is None:
            return []
        if exchange.status not in operation.statuses and is_live_status(operation, exchange.status):
            self.noted[operation.id, exchange.status] += 1
            if self.options.strict:
                source = f"{operation.pointer}/responses"
                return [Problem(source, f"status {exchange.status} is not declared (--strict)")]
        return self.document.check_answer(operation, exchange.status, exchange.media, exchange.answer)

    def found_in_answer(self, exchange: Exchange, problem: Problem) -> None:
        assert exchange.operation is not None
        rule = f"An answer {exchange.status} of {exchange.operation.id} is as the document declares it"
        self.found(f"{rule}: {_kind(problem.message)}", problem.source, problem.message, exchange, anywhere=True)

    def found_in_webhook(self, kind: str, problem: Problem, place: str = "") -> None:
        """`place` is where the webhook was captured."""
        rule = f"The webhook {kind} is as the document declares it: {_kind(problem.message)}"
        got = f"{place}: {problem.message}" if place else problem.message
        self.found(rule, problem.source, got, anywhere=True)

    def found(
        self, rule: str, source: str, got: str, exchange: Exchange | None = None, *, anywhere: bool = False
    ) -> None:
        """A finding of the test that runs now; `anywhere`: other tests may meet the same."""
        running = self.running or Running("set-up", "set-up")
        operation = exchange.operation.id if exchange and exchange.operation else "-"
        finding = Finding(
            running.part, running.name, operation, rule, source, got, exchange, list(running.story), dict(running.extra)
        )
        finding.anywhere = anywhere
        self.findings.add(finding)
        running.keys[finding.key] = None

    def crashed(self, error: BaseException) -> None:
        """The running test could not go on: what it says, and the request before it, are the finding."""
        assert self.running is not None
        last = self.running.story[-1] if self.running.story else None
        self.found(self.running.rule, self.running.source, _sentence(error, self.running.rule), last)

    def count(self, part: str, outcome: str) -> None:
        row = self.outcomes.setdefault(part, {})
        row[outcome] = row.get(outcome, 0) + 1


def _kind(message: str) -> str:
    """The problem without what belongs to this one answer: a list of a hundred bad rows is one defect.

    The field is named, and without quotes: what is quoted is no part of a finding's key.
    """
    place, colon, text = message.partition(": ")
    if not colon or not (place.startswith("/") or place == "the body"):
        place, text = "", message
    text = re.sub(r'"([^"]*)" is a required property', r"\1 is a required property", text)
    text = re.sub(r"^[\[{].*[\]}] (?=is|has|does|do)", "it ", text)
    return f"{re.sub(r'[0-9]+', '#', place)} {text}".strip()[:120]


def _sentence(error: BaseException, rule: str) -> str:
    """What went wrong, in words; where the test has none of its own, the rule's."""
    if isinstance(error, AssertionError):
        lines = [line for line in str(error).splitlines() if line.strip()]
        if lines and not lines[0].startswith("assert "):
            return "\n".join(lines[:12])
        return "\n".join([_not_so(rule, lines[0].removeprefix("assert ") if lines else ""), *lines[1:12]])
    if isinstance(error, StopIteration):
        return _not_so(rule, "what it speaks of is not there")
    if isinstance(error, ValueError) and "values to unpack" in str(error):
        wanted, got = re.search(r"expected (?:at least )?(\d+)", str(error)), re.search(r"got (\d+)", str(error))
        said = f"{wanted[1] if wanted else 'others'} expected, {got[1] if got else 'more'} found"
        return _not_so(rule, said)
    if isinstance(error, (KeyError, IndexError, TypeError, json.JSONDecodeError)):
        return f"the answer has not the expected shape ({type(error).__name__}: {error})"
    return f"{type(error).__name__}: {error}"


def _not_so(rule: str, because: str) -> str:
    return f"this does not hold: {rule}" + (f" ({because})" if because else "")
