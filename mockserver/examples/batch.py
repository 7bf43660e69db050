"""A batch of examples: a world is played through the app's own pipeline, and what goes in and comes out is kept.

What a catalog lacks is taken from the default one, about the same people.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any, NamedTuple

import orjson

from mockserver.app import App, create_app
from mockserver.examples.asks import GOOD, Ask, spoilt
from mockserver.examples.stage import Scene, Stage, pick
from mockserver.spec import Document, Operation
from mockserver.webhooks.bodies import KINDS
from mockserver.webhooks.outbox import WebhookEvent
from mockserver.worlds import CatalogOn

REQUEST, WEBHOOK = "request", "webhook"

Part = tuple[str, str]  # an operationId or a type of webhook; `request`, a status, or `webhook`


class Example(NamedTuple):
    """`body`: JSON; of a request without a body its parameters. `lacking`: the catalog asked for has no such thing."""

    name: str
    part: str
    body: Any
    ask: Ask | None = None
    lacking: bool = False

    @property
    def file(self) -> str:
        """`users_get.200`, `metrics_event.request`, `streak.lost.webhook`."""
        return f"{self.name}.{self.part}"


Batch = dict[Part, list[Example]]


class Surprise(Exception):
    """The app did not answer as the example wants it: a defect of the examples or of the app."""


def parts(document: Document) -> list[Part]:
    """All that there are examples of: each request, each declared answer, each webhook, in the document's order."""
    found = []
    for name, operation in document.operations.items():
        found += [(name, REQUEST), *((name, str(status)) for status in operation.checks)]
    return found + [(kind, WEBHOOK) for kind in document.webhooks]


def make(
    document: Document,
    catalog: CatalogOn,
    default: CatalogOn | None,
    *,
    seed: int,
    now: int,
    count: int = 1,
    name: str | None = None,
) -> Batch:
    """Up to `count` examples of every part, or of those of one name; `default` (None: it is `catalog`) helps out.

    Webhooks may be fewer: a world tells only so many of some types.
    """
    stage = Stage(catalog, seed, now, count)
    batch = asyncio.run(_play(document, stage, stage.heroes, count, name))
    wanted = [part for part in parts(document) if name in (None, part[0])]
    missing = [part for part in wanted if not batch.get(part)]
    if missing and default is not None:
        helping = asyncio.run(_play(document, Stage(default, seed, now, count), stage.heroes, count, name))
        batch |= {part: [row._replace(lacking=True) for row in helping.get(part, ())] for part in missing}
    return {part: batch.get(part, []) for part in wanted}


async def _play(document: Document, stage: Stage, heroes: Sequence[str], count: int, name: str | None) -> Batch:
    """One scene after the other, so that each is the same whether others follow or not."""
    app, batch, used = create_app(stage.worlds, document), Batch(), list[WebhookEvent]()
    for number in range(count):
        scene = Scene(stage, number, heroes[number % len(heroes)])
        async for example in _scene(app, document, scene, name):
            batch.setdefault((example.name, example.part), []).append(example)
        for example in _webhooks(scene, used):
            batch.setdefault((example.name, example.part), []).append(example)
    return batch


async def _scene(app: App, document: Document, scene: Scene, only: str | None) -> AsyncIterator[Example]:
    """What writes always happens; of the rest only what is wanted, since it changes nothing."""
    asked: list[Ask] = []
    for name in GOOD:
        if document.operations[name].method == "GET" and only not in (None, name):
            continue
        ask = GOOD[name](scene)
        if ask is not None:
            ask = ask.from_tenant(scene.stage.tenant)
            asked.append(ask)
            operation = document.operations[name]
            yield Example(name, REQUEST, ask.parameters(operation) if ask.body is None else ask.body, ask)
            yield await _answer(app, document.prefix, operation, ask, operation.success)
    for ask in (ask for ask in asked if only in (None, ask.operation)):
        operation = document.operations[ask.operation]
        for status in operation.checks:
            if status != operation.success:
                wrong = spoilt(ask, status, scene)
                yield await _answer(app, document.prefix, operation, wrong, status)


async def _answer(app: App, prefix: str, operation: Operation, ask: Ask, wanted: int) -> Example:
    status, body = await _send(app, prefix, operation, ask)
    if status != wanted:
        raise Surprise(f"{operation.id} was to be answered {wanted}, but was answered {status}: {body!r}")
    return Example(operation.id, str(status), orjson.loads(body) if body else None, ask)


async def _send(app: App, prefix: str, operation: Operation, ask: Ask) -> tuple[int, bytes]:
    """The request goes to the app as any server would hand it over."""
    path, _, query = (prefix + ask.target(operation)).partition("?")
    scope = {
        "type": "http",
        "method": operation.method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [(name.lower().encode(), value.encode()) for name, value in ask.all_headers().items()],
    }
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": ask.content(), "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope, receive, send)
    return sent[0]["status"], sent[1]["body"]


def _webhooks(scene: Scene, used: list[WebhookEvent]) -> Iterator[Example]:
    for kind in KINDS:
        row = pick(scene, kind, used)
        if row is not None:
            used.append(row)
            yield Example(kind, WEBHOOK, row.shape())
