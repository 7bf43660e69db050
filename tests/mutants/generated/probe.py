"""Whether a fault can be seen at all: the probe's story is told with it and without it, and something must differ."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, cast

from mockserver import catalogs, spec
from mockserver.app import App
from mockserver.control.plane import Settings
from mockserver.serve.server import make_app, make_plane
from mockserver.webhooks.client import Client, Ended
from mockserver.worlds import Plan, Worlds
from tests.mutants.fault import SPEC, ClientRequest, Fault, ServerResponse
from tests.mutants.generated.responses import RESPONSE
from tests.mutants.generated.story import BEGINNING, play
from tests.mutants.posted import HEADER, Post
from tests.mutants.serve import plant_fault

ROOT = "probe.root"
#: Seconds of CPU for a story; it takes a tenth of them.
LONGEST = 60


class Differs(Exception):
    """What is told now is not what was told without the fault."""


@dataclass
class Exchanged:
    request: ClientRequest
    json_response: ServerResponse


@dataclass
class Transcript:
    """What a story told: responses in order, and the webhooks that were sent."""

    exchanged: list[Exchanged] = field(default_factory=list)
    posts: list[tuple[str, bytes, str]] = field(default_factory=list)


def fresh_app() -> App:
    now = round(datetime.fromisoformat(BEGINNING).timestamp() * 1000)
    demo = spec.resource("fixtures/catalog.toml")
    worlds = Worlds(Plan(lambda today: catalogs.load(demo, today=today), now=now, frozen=True), (ROOT,))
    return make_app(make_plane(worlds, Settings()))


class Recorder:
    """The story as it is told now; compared with `other` as it goes, if there is one."""

    def __init__(self, app: App, other: Transcript | None = None) -> None:
        self.app, self.other, self.transcript = app, other, Transcript()

    async def request(self, method: str, path: str, headers: dict[str, str], body: bytes | None) -> tuple[int, bytes]:
        target, _, query = path.partition("?")
        rows = [(name.lower().encode(), value.encode("latin-1", "ignore")) for name, value in headers.items()]
        if body is not None:
            rows.append((b"content-length", str(len(body)).encode()))
        scope = {
            "type": "http",
            "method": method,
            "path": target,
            "raw_path": target.encode(),
            "query_string": query.encode(),
            "headers": rows,
            "http_version": "1.1",
            "scheme": "http",
            "root_path": "",
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 9),
        }
        sent: list[Any] = []

        async def receive() -> Any:
            return {"type": "http.request", "body": body or b"", "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        await self.app(scope, receive, send)
        response = b"".join(message.get("body", b"") for message in sent[1:])
        if path.startswith("/v1/"):
            self._note(method, target, query, headers, body, ServerResponse(sent[0]["status"], {}, response))
        return sent[0]["status"], response

    def _note(
        self,
        method: str,
        target: str,
        query: str,
        headers: dict[str, str],
        body: bytes | None,
        json_response: ServerResponse,
    ) -> None:
        number = len(self.transcript.exchanged)
        key = headers.get("x-api-key", "")
        home = self.app.worlds.find(key)
        below = target.removeprefix("/v1")
        named = {name.lower(): value for name, value in headers.items()}
        request = ClientRequest(method, below, query, named, body or b"", now=home.clock.now() if home else 0)
        found = SPEC.find(method, below)
        request.operation = found.id if found else None
        self.transcript.exchanged.append(Exchanged(request, json_response))
        if self.other is not None:
            before = self.other.exchanged[number].json_response
            if (before.status, before.body) != (json_response.status, json_response.body):
                raise Differs(f"{method} {target}?{query}")

    def catch(self, client: Client, body: bytes, headers: bytes, ended: Ended) -> None:
        """In the place of the network."""
        name, _, value = headers.decode().strip().partition(": ")
        self.transcript.posts.append((client.url, body, value if name.lower() == HEADER else ""))
        asyncio.get_running_loop().call_soon(ended, 200, None)


def transcript_of(fault: Fault | None = None, other: Transcript | None = None) -> Transcript:
    """The story, told in this process, which a fault changes for good. Raises `Differs`."""
    carrier = Recorder(cast(App, None), other)

    def catch(client: Client, body: bytes, headers: bytes, ended: Ended) -> None:
        carrier.catch(client, body, headers, ended)

    post, Client.post = Client.post, catch  # type: ignore[method-assign]
    if fault is not None:
        plant_fault(fault)
    try:
        carrier.app = fresh_app()
        asyncio.run(play(carrier.request, ROOT))
    finally:
        Client.post = post  # type: ignore[method-assign]
    found = carrier.transcript
    if other is not None and sorted(found.posts) != sorted(other.posts):
        raise Differs("webhooks")
    return found


class Probe:
    """Knows what is told without a fault."""

    def __init__(self) -> None:
        self.without = transcript_of()

    def observable(self, fault: Fault) -> bool:
        """Whether anything differs with the fault. This process stays as it is."""
        if fault.kind == RESPONSE:
            return asyncio.run(self._in_responses(fault))
        if fault.sender is not None:
            return asyncio.run(self._in_webhooks(fault))
        return self._in_a_fork(fault)

    async def _in_responses(self, fault: Fault) -> bool:
        """A fault that leaves requests as they are sees the recorded ones."""
        assert fault.plant is not None
        memory: dict[Any, Any] = {}
        for one in self.without.exchanged:
            if one.request.operation == fault.about:
                json_response = one.json_response

                async def forward(
                    request: ClientRequest, json_response: ServerResponse = json_response
                ) -> ServerResponse:
                    return json_response

                found = await fault.plant(replace(one.request), forward, memory)
                if (found.status, found.body) != (json_response.status, json_response.body):
                    return True
        return False

    async def _in_webhooks(self, fault: Fault) -> bool:
        assert fault.sender is not None
        memory: dict[Any, Any] = {}
        for url, body, signature in self.without.posts:
            sent: list[bytes] = []

            async def send(body: bytes, headers: dict[str, str], sent: list[bytes] = sent) -> int:
                sent.append(body)
                return 200

            await fault.sender(Post(body, {HEADER: signature}, memory, url), send)
            if sent != [body]:
                return True
        return False

    def _in_a_fork(self, fault: Fault) -> bool:
        """A server that hangs tells nothing: any client notices."""
        return forked(lambda: self._differs(fault))

    def _differs(self, fault: Fault) -> bool:
        try:
            transcript_of(fault, self.without)
        except Differs:
            return True
        except Exception:  # so wrong that the story cannot be told
            return True
        return False


def forked(work: Callable[[], bool]) -> bool:
    """The outcome of `work` in a process of its own; True when it does not end."""
    process = os.fork()
    if process == 0:
        signal.setitimer(signal.ITIMER_PROF, LONGEST)
        logging.disable()
        code = 2
        try:
            code = 0 if work() else 1
        finally:
            os._exit(code)
    _, status = os.waitpid(process, 0)
    return os.waitstatus_to_exitcode(status) in (0, -signal.SIGPROF)
