"""Faults tried on a recording: the suite runs once against a healthy server, and its tests are replayed with each fault
planted in the recorded responses and webhooks. That takes no server and little time.

Only faults that leave requests as they are can be replayed: with them the server would have done the same. A test that
sends another request than the recorded one is skipped. What no replayed test notices is tried against a server.
"""

from __future__ import annotations

import itertools
import re
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import pytest

from contract_tests.client import Connections
from contract_tests.conftest import SUITE, part_of
from contract_tests.findings import Findings
from contract_tests.receiver import Inbox, Webhook, WebhookReceiver
from contract_tests.suite import Suite
from tests.mutants.fault import SPEC, ClientRequest, Fault, Forward, Memory, ServerResponse
from tests.mutants.generated.responses import RESPONSE
from tests.mutants.posted import HEADER, Post
from tests.mutants.tries import Outcome, Touched, Trial, chosen

#: Parts whose tests send the same requests in every run.
PARTS = ("behaviour", "webhooks")
NOW = "x-world-now"
PREFIX = "/v1"
#: The URL of an inbox: its port and its number differ between runs.
_INBOX = re.compile(rb"http://127\.0\.0\.1:\d+/\d+")
#: Method, target, body and headers, as far as they are the same in every run.
Request = tuple[str, str, bytes, tuple[tuple[str, str], ...]]
#: Status, headers, body.
Response = tuple[int, dict[str, str], bytes]


def can_replay(fault: Fault) -> bool:
    """Whether the fault changes only what goes out."""
    return fault.patch is None and (fault.kind == RESPONSE or (fault.sender is not None and fault.about != ""))


async def _with_time(request: ClientRequest, forward: Forward, memory: Memory) -> ServerResponse:
    """The recorded server adds the time of its world: some faults depend on it."""
    json_response = await forward(request)
    return replace(json_response, headers=json_response.headers | {NOW: str(request.now)})


HEALTHY = Fault("none", "none", plant=_with_time)


@dataclass(frozen=True)
class RecordedExchange:
    """`now`: the world's time, ms UTC; 0 for the control plane."""

    request: Request
    response: Response
    now: int


@dataclass
class RecordedTest:
    """The exchanges of one test in order, and its webhooks: by the number of the newest request when they arrived, each
    with the number of its inbox. `started`: the number of requests sent."""

    exchanges: list[RecordedExchange] = field(default_factory=list)
    webhooks: dict[int, list[tuple[int, Webhook]]] = field(default_factory=dict)
    inboxes: list[Inbox] = field(default_factory=list)
    started: int = 0


def comparable(method: str, target: str, body: bytes | None, headers: dict[str, str]) -> Request:
    return method, target, _INBOX.sub(b"inbox", body or b""), tuple(sorted(headers.items()))


class Recorder:
    """Records what the tests of this process exchange with a healthy server."""

    def __init__(self) -> None:
        self.tests: dict[str, RecordedTest] = {}
        self.running = RecordedTest()
        self._before = Connections.exchange, WebhookReceiver.inbox, Inbox.take
        exchange, inbox, take = self._before

        def recorded(
            connections: Connections, method: str, target: str, body: bytes | None, headers: dict[str, str]
        ) -> Response:
            test = self.running
            test.started += 1
            status, response_headers, content = exchange(connections, method, target, body, headers)
            now = int(response_headers.pop(NOW, "0"))
            request, response = comparable(method, target, body, headers), (status, response_headers, content)
            test.exchanges.append(RecordedExchange(request, response, now))
            return response

        def numbered(receiver: WebhookReceiver, secret: str | None, *, own: bool = True) -> Inbox:
            found = inbox(receiver, secret, own=own)
            self.running.inboxes.append(found)
            return found

        def taken(place: Inbox, webhook: Webhook) -> int:
            test = self.running
            for number, one in enumerate(test.inboxes):
                if one is place:
                    test.webhooks.setdefault(max(0, test.started - 1), []).append((number, webhook))
            return take(place, webhook)

        Connections.exchange, WebhookReceiver.inbox, Inbox.take = recorded, numbered, taken  # type: ignore[method-assign]

    def record(self, items: Sequence[pytest.Item]) -> None:
        """Run these tests. Raises `RuntimeError` when one fails."""
        for item, after in zip(items, [*items[1:], items[0]], strict=True):
            self.running = RecordedTest()
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=after)
            suite = item.config.stash[SUITE]
            if item.session.testsfailed or suite.findings:
                found = "; ".join(f"{one.rule}: {one.got}" for one in suite.findings)
                raise RuntimeError(f"The healthy server fails: {item.name} {found[:1000]}")
            self.tests[item.nodeid] = self.running

    def stop(self) -> None:
        Connections.exchange, WebhookReceiver.inbox, Inbox.take = self._before  # type: ignore[method-assign]


class Replay:
    """In the place of the server: responds to the tests of this process from the recording, with a fault or without."""

    def __init__(self, fault: Fault | None) -> None:
        self.fault = fault
        self.memory: Memory = {}
        self.sender_memory: Memory = {}
        self.begin(RecordedTest())
        inbox = WebhookReceiver.inbox

        def replayed(
            connections: Connections, method: str, target: str, body: bytes | None, headers: dict[str, str]
        ) -> Response:
            return self._respond(comparable(method, target, body, headers), target, headers, body)

        def numbered(receiver: WebhookReceiver, secret: str | None, *, own: bool = True) -> Inbox:
            found = inbox(receiver, secret, own=own)
            self.inboxes.append(found)
            return found

        Connections.exchange, WebhookReceiver.inbox = replayed, numbered  # type: ignore[method-assign]

    def begin(self, test: RecordedTest) -> None:
        """The next test is this one."""
        self.test, self.number, self.inboxes, self.diverged = test, 0, list[Inbox](), False

    def _respond(self, request: Request, target: str, headers: dict[str, str], body: bytes | None) -> Response:
        number, exchanges = self.number, self.test.exchanges
        if number >= len(exchanges) or exchanges[number].request != request:
            self.diverged = True
            pytest.skip("the recording has another request here")
        self.number += 1
        response = self._with_fault(exchanges[number], target, headers, body)
        for inbox, webhook in self.test.webhooks.get(number, ()):
            self._deliver(self.inboxes[inbox], webhook)
        return response

    def _with_fault(
        self, exchange: RecordedExchange, target: str, headers: dict[str, str], body: bytes | None
    ) -> Response:
        if self.fault is None or self.fault.plant is None or not target.startswith(PREFIX + "/"):
            return exchange.response
        parts = urlsplit(target.removeprefix(PREFIX))
        lower = {name.lower(): value for name, value in headers.items()}
        request = ClientRequest(exchange.request[0], parts.path, parts.query, lower, body or b"", now=exchange.now)
        operation = SPEC.find(request.method, parts.path)
        request.operation = operation.id if operation else None

        async def forward(request: ClientRequest) -> ServerResponse:
            return ServerResponse(*exchange.response)

        json_response: ServerResponse = result_of(self.fault.plant(request, forward, self.memory))
        return json_response.status, json_response.headers, json_response.body

    def _deliver(self, inbox: Inbox, webhook: Webhook) -> None:
        async def send(body: bytes, headers: dict[str, str]) -> int:
            return inbox.take(Webhook(body, headers.get(HEADER), webhook.media))

        headers = {HEADER: webhook.signature} if webhook.signature is not None else {}
        if self.fault is None or self.fault.sender is None:
            result_of(send(webhook.body, headers))
        else:
            result_of(self.fault.sender(Post(webhook.body, headers, self.sender_memory, inbox.url), send))


def result_of(coroutine: Coroutine[Any, Any, Any] | Any) -> Any:
    """The result of a coroutine that never waits."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value
    raise RuntimeError("a replayed fault may not wait")


class Recording:
    """All replayable tests of a profile, recorded in this process; each fault is tried in a fork of it."""

    def __init__(self, session: pytest.Session, suite: Suite) -> None:
        """Runs the tests. Raises `RuntimeError` when the healthy server fails."""
        self.session, self.suite = session, suite
        self.items = [item for item in session.items if part_of(item) in PARTS]
        # The first test of a run also finds out what the target has: it is recorded again.
        first = next(item for item in self.items[1:] if "stage" in getattr(item, "fixturenames", ()))
        recorder = Recorder()
        recorder.record([first, *self.items])
        recorder.stop()
        self.tests = recorder.tests
        self.touched: Touched = {}

    def replayable(self) -> Outcome:
        """In a fork, without a fault: the tests that send the same requests again and pass, and what they touch."""
        outcome = Outcome()
        replay = Replay(None)
        for item, seconds, noticed in self._replayed(self.items, replay):
            if noticed or replay.diverged:
                self.session.testsfailed, self.suite.findings = 0, Findings()
            else:
                outcome.touched[item.nodeid] = self._touched(item), seconds
        return outcome

    def keep(self, touched: Touched) -> None:
        """Use these tests only."""
        self.touched = touched
        self.items = [item for item in self.items if item.nodeid in touched]

    def _touched(self, item: pytest.Item) -> list[str]:
        test = self.tests[item.nodeid]
        found = {webhook.kind for rows in test.webhooks.values() for _, webhook in rows}
        for exchange in test.exchanges:
            method, target = exchange.request[:2]
            operation = SPEC.find(method, target.removeprefix(PREFIX)) if target.startswith(PREFIX + "/") else None
            found |= {operation.id} if operation else set()
        return sorted(found)

    def try_fault(self, trial: Trial) -> Outcome:
        """In a fork: the tests that can notice the fault, until one does."""
        began, outcome = time.monotonic(), Outcome()
        for item, _, noticed in self._replayed(chosen(self.items, trial, self.touched), Replay(trial.fault)):
            if noticed:
                outcome.by, outcome.part = item.name, part_of(item)
                outcome.said = next((f"{one.rule}: {one.got}"[:300] for one in self.suite.findings), "")
                break
        outcome.seconds = time.monotonic() - began
        return outcome

    def _replayed(self, items: list[pytest.Item], replay: Replay) -> Iterator[tuple[pytest.Item, float, bool]]:
        """Each test, the seconds it took, and whether it failed."""
        if items:
            self.session._setupstate.teardown_exact(items[0])
        for item, after in itertools.pairwise([*items, *items[:1]]):
            replay.begin(self.tests[item.nodeid])
            began = time.monotonic()
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=after)
            yield item, time.monotonic() - began, bool(self.session.testsfailed or self.suite.findings)


def works(recording: Recording, trials: Sequence[Trial]) -> list[tuple[Trial, Callable[[], Outcome]]]:
    return [(trial, partial(recording.try_fault, trial)) for trial in trials]
