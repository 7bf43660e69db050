"""Where webhooks go: each endpoint has its own address, secret and list of types (behaviour, section 11)."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from mockserver.catalogs.kinds import MOST_ENDPOINTS
from mockserver.game.errors import NotFound, Refused
from mockserver.game.nearest import did_you_mean, nearest
from mockserver.printable import printable
from mockserver.webhooks.bodies import EVERY_KIND
from mockserver.webhooks.signing import new_secret

LONGEST_URL = 2000
LONGEST_SECRET = 255


@dataclass(slots=True)
class Endpoint:
    """`events` empty: all types. An endpoint that is not active gets nothing new. `concurrency`: how many deliveries
    may be under way at once; None: as many as the server says."""

    id: str
    url: str
    secret: str
    events: tuple[str, ...] = ()
    active: bool = True
    concurrency: int | None = None

    def wants(self, kind: str) -> bool:
        return self.active and (not self.events or kind in self.events)

    def as_json(self) -> dict[str, Any]:
        """With the secret in clear: the world is a test's own, and its author checks signatures with it."""
        return {
            "id": self.id,
            "url": self.url,
            "secret": self.secret,
            "events": list(self.events),
            "active": self.active,
        }


class Endpoints:
    """A world's endpoints in the order in which they were added; ids are never used twice."""

    def __init__(self, kinds: Collection[str], seed: str) -> None:
        self._kinds = kinds
        self._seed = seed
        self._added = 0
        self._rows: dict[str, Endpoint] = {}

    def __iter__(self) -> Iterator[Endpoint]:
        return iter(self._rows.values())

    def __len__(self) -> int:
        return len(self._rows)

    def check(self, url: str, secret: str | None, events: Sequence[str]) -> None:
        """Refused if `add` would."""
        if len(self._rows) >= MOST_ENDPOINTS:
            raise Refused(f"There are {MOST_ENDPOINTS} webhook endpoints already; delete one to add another.")
        check_url(url)
        check_events(events, self._kinds)
        if secret == "":
            raise Refused('webhook "secret" must not be empty; leave it out to have one made')
        if secret and len(secret) > LONGEST_SECRET:
            raise Refused(f'webhook "secret" must have at most {LONGEST_SECRET} characters')

    def add(
        self,
        url: str,
        secret: str | None = None,
        events: Sequence[str] = (),
        active: bool = True,
        concurrency: int | None = None,
    ) -> Endpoint:
        """Refused if the address or a type is wrong; the secret is made when none is given."""
        self.check(url, secret, events)
        self._added += 1
        endpoint = Endpoint(
            id=f"endpoint-{self._added}",
            url=url,
            secret=secret or new_secret(self._seed, self._added),
            events=tuple(dict.fromkeys(events)),
            active=active,
            concurrency=concurrency,
        )
        self._rows[endpoint.id] = endpoint
        return endpoint

    def get(self, id: str) -> Endpoint:
        """NotFound if it never was, or is no more."""
        if id not in self._rows:
            known = ", ".join(self._rows) or "none"
            raise NotFound(f'there is no webhook endpoint "{id}" (there are: {known})')
        return self._rows[id]

    def remove(self, id: str) -> Endpoint:
        endpoint = self.get(id)
        del self._rows[id]
        return endpoint


def check_url(url: str) -> None:
    """Refused unless it is an absolute http or https address that a request can be sent to."""
    if len(url) > LONGEST_URL:
        raise Refused(f'webhook "url" must have at most {LONGEST_URL} characters')
    problem = _problem_of(url)
    if problem:
        raise Refused(
            f'webhook "url" {problem}: found "{printable(url)}", expected an address such as http://127.0.0.1:9000/trophy'
        )


def _problem_of(url: str) -> str | None:
    if any(character.isspace() or ord(character) < 32 for character in url):
        return "contains white space"
    if printable(url) != url:
        return "contains a control character, or what is not UTF-8"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        return f"cannot be read ({error})"
    if parts.scheme not in ("http", "https"):
        return "must begin with http:// or https://"
    if not parts.hostname:
        return "names no host"
    if not all(0 < len(label) < 64 for label in parts.hostname.removesuffix(".").split(".")):
        return "names a host that cannot be (1 to 63 characters between dots)"
    return "names port 0" if port == 0 else None


def check_events(events: Sequence[str], kinds: Collection[str]) -> None:
    """Refused if one of them is not a webhook type of the spec."""
    for kind in events:
        check_kind(kind, kinds, field="events")


def check_kind(kind: str, kinds: Collection[str], *, field: str) -> None:
    """Refused, with the nearest type that there is, unless the spec has this webhook type."""
    if kind in kinds:
        return
    if kind in EVERY_KIND:
        raise Refused(
            f'webhook "{field}": "{kind}" is a type of other versions of the spec than the one that is served'
        )
    meant = did_you_mean(nearest(kind, kinds))
    raise Refused(f'webhook "{field}": "{kind}" is not a webhook type{meant} (types: {", ".join(kinds)})')
