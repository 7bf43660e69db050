"""One call of the control plane, as its handler sees it: which world, which key or token, which arguments."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from mockserver.clock import pin, real_time
from mockserver.control.context import WorldContext
from mockserver.control.fields import Fields, Query
from mockserver.control.plane import ControlPlane
from mockserver.control.refusals import Unauthorised
from mockserver.game.engine import Game
from mockserver.log.record import Record, encode
from mockserver.spec.bodies import LARGEST, parse
from mockserver.worlds import Organisation

JSON = Any


class WouldChange(Exception):
    """A call that is only tried would change the world now: nothing refuses it, and this would be kept of it."""

    def __init__(self, record: Record) -> None:
        super().__init__(record.name)
        self.record = record


def _never_left() -> bool:
    return False


@dataclass(slots=True)
class ControlRequest:
    """`world_context` is that of the world which the key opens, None where the control token alone was given.

    `name`: the call's. `replayed`: the record that it repeats, when it was made before. `trial`: it is not carried out.
    """

    plane: ControlPlane
    name: str
    world_context: WorldContext | None
    tenant: str | None
    path: Mapping[str, str]
    pairs: list[tuple[str, str]]
    body: bytes
    media_type: str
    headers: Mapping[str, str] = field(default_factory=dict)
    replayed: Record | None = None
    trial: bool = False
    largest: int = LARGEST
    client_left: Callable[[], bool] = _never_left  # whether the client that waits for the response has gone

    @property
    def context(self) -> WorldContext:
        """The context of the world that the call is about. Raises `Unauthorised` without a key."""
        if self.world_context is None:
            raise Unauthorised("The X-API-KEY header is missing or empty: it must hold the API key of a world.")
        return self.world_context

    @property
    def organisation(self) -> Organisation:
        return self.context.organisation

    def game(self) -> Game:
        """The population that the call is about, caught up with the clock."""
        return self.organisation.game(self.tenant)

    @property
    def tenant_filter(self) -> str | None:
        """The tenant to whom a list is narrowed: the one that is named, where there are tenants."""
        return self.tenant if self.organisation.catalog.settings.multi_tenant else None

    def json(self) -> JSON:
        """The body; none at all is as good as an empty object. Choice: its media type is not looked at."""
        return parse(self.body, self.largest) if self.body else {}

    @contextmanager
    def effect(self, real: int | None = None, time: int | None = None, given: Any = None) -> Iterator[None]:
        """Within it the call changes the world, at one moment, without waiting for anything; then it is kept.

        Whatever may refuse the call comes before. `real` and `time`: when that is not now. `given`: what is kept
        instead of the body.
        """
        self.end_trial(given)
        self.organisation.clock.now()  # should the machine's clock have gone back, it is the same within and without
        with pin(real) as real:
            time = self.organisation.clock.now() if time is None else time
            self.organisation.catch_up(time)  # what was due before has happened before
            recorder = self.organisation.recorder if self.replayed is None else None
            # Made before: what cannot be written down must not happen.
            line = encode(Record(time, self.name, self.arguments(given), self.tenant, real)) if recorder else b""
            yield
            if recorder is not None:
                recorder.add_line(line)

    def end_trial(self, given: Any = None) -> None:
        """Nothing can refuse the call any more, and nothing has changed yet: this far a trial goes. `effect` says so
        by itself. Raises `WouldChange`."""
        if self.trial:
            arguments = self.arguments(given)
            raise WouldChange(Record(self.organisation.clock.now(), self.name, arguments, self.tenant, real_time()))

    def arguments(self, given: Any = None) -> dict[str, Any]:
        """What is kept of the call."""
        arguments: dict[str, Any] = {"path": dict(self.path)} if self.path else {}
        if given is not None:
            return arguments | {"body": given}
        return arguments | {"body": self.json()}

    def fields(self, *known: str) -> Fields:
        return Fields(self.json(), known)

    def query(self, *known: str) -> Query:
        return Query(self.pairs, known)


class Row(NamedTuple):
    """One call: `name` stands for it in the request log; `root`: only for root keys and the control token.

    `kept`: it changes its world, or what stands beside it, within `ControlRequest.effect`, and is written down where a
    log is kept. `waits`: with `"wait"` in its body, until webhooks are delivered. `largest`: bytes of its body.
    """

    name: str
    method: str
    path: str
    handler: Callable[[ControlRequest], JSON | Awaitable[JSON]]
    status: int = 200
    root: bool = False
    kept: bool = False
    waits: bool = False
    largest: int = LARGEST
