"""One call of the control plane, as those who answer it see it: which world, who asks, and what is told."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from mockserver.control.backstage import Backstage
from mockserver.control.fields import Fields, Query
from mockserver.game.engine import Game
from mockserver.game.errors import GameError
from mockserver.spec.bodies import parse
from mockserver.worlds import Organisation

if TYPE_CHECKING:
    from mockserver.control.plane import Plane

JSON = Any


class Unauthorised(GameError):
    """Nobody said who asks, or somebody unknown did."""


class Forbidden(GameError):
    """Who asks may not do this."""


@dataclass(slots=True)
class Ask:
    """`backstage` is that of the world which the key opens, None where the control token alone was given."""

    plane: Plane
    backstage: Backstage | None
    tenant: str | None
    path: Mapping[str, str]
    pairs: list[tuple[str, str]]
    body: bytes
    media_type: str
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def side(self) -> Backstage:
        """What stands beside the world that the call is about. Raises `Unauthorised` without a key."""
        if self.backstage is None:
            raise Unauthorised("The X-API-KEY header is missing or empty: it must hold the API key of a world.")
        return self.backstage

    @property
    def organisation(self) -> Organisation:
        return self.side.organisation

    def game(self) -> Game:
        """The population that the call is about, caught up with the clock."""
        return self.organisation.game(self.tenant)

    @property
    def one_tenant(self) -> str | None:
        """The tenant to whom a list is narrowed: the one that is named, where there are tenants."""
        return self.tenant if self.organisation.catalog.settings.multi_tenant else None

    def json(self) -> JSON:
        """The body; none at all is as good as an empty object. Choice: its media type is not looked at."""
        return parse(self.body) if self.body else {}

    def fields(self, *known: str) -> Fields:
        return Fields(self.json(), known)

    def query(self, *known: str) -> Query:
        return Query(self.pairs, known)


class Row(NamedTuple):
    """One call: `name` stands for it in the request log; `root`: only for root keys and the control token."""

    name: str
    method: str
    path: str
    answer: Callable[[Ask], JSON | Awaitable[JSON]]
    status: int = 200
    root: bool = False
