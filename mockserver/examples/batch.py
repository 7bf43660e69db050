"""A batch of examples: requests are sent to the application, and what goes in and comes out is kept.

What a catalog lacks is taken from the default one, for the same users.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any, NamedTuple

import orjson

from mockserver.app import App, create_app
from mockserver.examples.example_world import ExampleWorld, Scenario, pick
from mockserver.examples.requests import REQUESTS, ExampleRequest, invalid_request
from mockserver.spec import Operation, Spec
from mockserver.webhooks.bodies import KINDS
from mockserver.webhooks.outbox import WebhookEvent
from mockserver.worlds import CatalogFactory

REQUEST, WEBHOOK = "request", "webhook"

Part = tuple[str, str]  # an operationId or a type of webhook; `request`, a status, or `webhook`


class Example(NamedTuple):
    """`body`: JSON; of a request without a body its parameters. `lacking`: the catalog asked for has no such thing."""

    name: str
    part: str
    body: Any
    request: ExampleRequest | None = None
    lacking: bool = False

    @property
    def file(self) -> str:
        """`users_get.200`, `metrics_event.request`, `streak.lost.webhook`."""
        return f"{self.name}.{self.part}"


Batch = dict[Part, list[Example]]


class UnexpectedResponse(Exception):
    """The app did not respond as the example needs it: a defect of the examples or of the app."""


def parts(spec: Spec) -> list[Part]:
    """All that there are examples of: each request, each declared response, each webhook, in the spec's order."""
    found = []
    for name, operation in spec.operations.items():
        found += [(name, REQUEST), *((name, str(status)) for status in operation.checks)]
    return found + [(kind, WEBHOOK) for kind in spec.webhooks]


def make(
    spec: Spec,
    catalog: CatalogFactory,
    default: CatalogFactory | None,
    *,
    seed: int,
    now: int,
    count: int = 1,
    name: str | None = None,
) -> Batch:
    """Up to `count` examples of every part, or of those of one name; `default` (None: it is `catalog`) helps out.

    Webhooks may be fewer: a world has only so many of some types.
    """
    example_world = ExampleWorld(catalog, seed, now, count)
    batch = asyncio.run(_make_batch(spec, example_world, example_world.main_users, count, name))
    wanted = [part for part in parts(spec) if name in (None, part[0])]
    missing = [part for part in wanted if not batch.get(part)]
    if missing and default is not None:
        fallback = asyncio.run(
            _make_batch(spec, ExampleWorld(default, seed, now, count), example_world.main_users, count, name)
        )
        batch |= {part: [row._replace(lacking=True) for row in fallback.get(part, ())] for part in missing}
    return {part: batch.get(part, []) for part in wanted}


async def _make_batch(
    spec: Spec, example_world: ExampleWorld, main_users: Sequence[str], count: int, name: str | None
) -> Batch:
    """One scenario after the other, so that each is the same whether others follow or not."""
    app, batch, used = create_app(example_world.worlds, spec), Batch(), list[WebhookEvent]()
    for number in range(count):
        scenario = Scenario(example_world, number, main_users[number % len(main_users)])
        async for example in _scenario_examples(app, spec, scenario, name):
            batch.setdefault((example.name, example.part), []).append(example)
        for example in _webhooks(scenario, used):
            batch.setdefault((example.name, example.part), []).append(example)
    return batch


async def _scenario_examples(app: App, spec: Spec, scenario: Scenario, only: str | None) -> AsyncIterator[Example]:
    """What writes always happens; of the rest only what is wanted, since it changes nothing."""
    requests: list[ExampleRequest] = []
    for name in REQUESTS:
        if spec.operations[name].method == "GET" and only not in (None, name):
            continue
        request = REQUESTS[name](scenario)
        if request is not None:
            request = request.from_tenant(scenario.example_world.tenant)
            requests.append(request)
            operation = spec.operations[name]
            yield Example(
                name, REQUEST, request.parameters(operation) if request.body is None else request.body, request
            )
            yield await _response_example(app, spec.prefix, operation, request, operation.success)
    for request in (request for request in requests if only in (None, request.operation)):
        operation = spec.operations[request.operation]
        for status in operation.checks:
            if status != operation.success:
                wrong = invalid_request(request, status, scenario)
                yield await _response_example(app, spec.prefix, operation, wrong, status)


async def _response_example(
    app: App, prefix: str, operation: Operation, request: ExampleRequest, wanted: int
) -> Example:
    status, body = await _send(app, prefix, operation, request)
    if status != wanted:
        raise UnexpectedResponse(f"{operation.id} was to return {wanted}, but returned {status}: {body!r}")
    return Example(operation.id, str(status), orjson.loads(body) if body else None, request)


async def _send(app: App, prefix: str, operation: Operation, request: ExampleRequest) -> tuple[int, bytes]:
    """The request goes to the app as any server would hand it over."""
    path, _, query = (prefix + request.target(operation)).partition("?")
    scope = {
        "type": "http",
        "method": operation.method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [(name.lower().encode(), value.encode()) for name, value in request.all_headers().items()],
    }
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": request.content(), "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope, receive, send)
    return sent[0]["status"], sent[1]["body"]


def _webhooks(scenario: Scenario, used: list[WebhookEvent]) -> Iterator[Example]:
    for kind in KINDS:
        row = pick(scenario, kind, used)
        if row is not None:
            used.append(row)
            yield Example(kind, WEBHOOK, row.shape())
