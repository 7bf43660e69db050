"""What stands beside the worlds of one server; the shell has its two seams, `before` and `after`."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from mockserver.admin.table import NAMES as ADMIN
from mockserver.control.backstage import WorldContext
from mockserver.control.console import Console
from mockserver.control.faults import Faults
from mockserver.control.faults import read as read_faults
from mockserver.control.refusals import Forbidden, Unauthorised
from mockserver.exchange import UNKNOWN_KEY, Befalls, Call, Response
from mockserver.game.catalog import WebhookEndpoint
from mockserver.log.record import Record
from mockserver.spec import Document, header_text
from mockserver.webhooks.bodies import kinds_of
from mockserver.webhooks.delivery import Timing
from mockserver.webhooks.webhooks import Webhooks
from mockserver.worlds import Organisation, Worlds

TOKEN = "X-Control-Token"


@dataclass(frozen=True)
class Settings:
    """How a server was started. `token` opens the plane; `locked`: nothing else does.

    `live_statuses` in every world that it has or makes; `endpoints` get the webhooks of the worlds given at start.
    `console` is told of all that happens. `keys_are`: what is said to whom a key is not known to.
    """

    token: str | None = None
    locked: bool = False
    prefer: bool = True
    live_statuses: bool = False
    endpoints: tuple[WebhookEndpoint, ...] = ()
    timing: Timing | None = None
    console: Console | None = None
    keys_are: str = ""


class ControlPlane:
    """All that stands beside the worlds of one server, and the calls that reach it."""

    def __init__(self, worlds: Worlds, document: Document, settings: Settings | None = None) -> None:
        self.worlds = worlds
        self.document = document
        self.settings = settings or Settings()
        self.console = self.settings.console
        self.unknown_key = f"{UNKNOWN_KEY}{self.settings.keys_are}"
        self._kinds = kinds_of(document)
        self.operations = [*document.operations, *ADMIN]
        # Set by whoever makes the application: makes a request again that a record tells of; makes a world from a log.
        self.repeat: Callable[[Organisation, Record], None] | None = None
        self.load: Callable[[list[bytes]], Awaitable[Organisation]] | None = None
        self._backstages: dict[Organisation, WorldContext] = {}
        for organisation in worlds:
            side = self.backstage(organisation)
            for row in self.settings.endpoints:
                side.webhooks.add_endpoint(row.url, row.secret, row.events, row.active)

    # For the shell

    def before(self, call: Call) -> Befalls | None:
        """What is to befall a request before it is looked at; None when nothing is."""
        side = self._backstages.get(call.organisation) if call.organisation else None
        return side.before(call, self.settings.prefer) if side else None

    def after(self, call: Call, answer: Response) -> None:
        """Called when the answer is out."""
        if self.console is not None:
            name, template = (call.operation.id, call.operation.path) if call.operation else ("", "")
            self.console.requested(name, template, call, answer)
        side = self._backstages.get(call.organisation) if call.organisation else None
        if side:
            side.after(call, answer)

    def tick(self) -> None:
        """Lets happen what has fallen due under the running clocks, and sends what came of it."""
        for organisation in self.worlds.tick():
            self.backstage(organisation).webhooks.flush()

    def flush(self) -> None:
        """Lets webhooks that have not been delivered yet go out."""
        for side in self._backstages.values():
            side.webhooks.flush()

    def hurry(self) -> None:
        """Nobody is made to wait any more, so that the server can end."""
        self.worlds.ending = True
        for side in self._backstages.values():
            side.hurry()

    async def close(self) -> None:
        """The end: deliveries under way get their grace."""
        for side in list(self._backstages.values()):
            await side.webhooks.close()

    # For the calls

    def backstage(self, organisation: Organisation) -> WorldContext:
        """What stands beside a world; made when it is first asked for."""
        side = self._backstages.get(organisation)
        if side is None:
            sent = self.console.sent if self.console else None
            webhooks = Webhooks(organisation, self.settings.timing, self._kinds, sent)
            side = WorldContext(organisation, webhooks, self.faults_at_start(organisation))
            self._backstages[organisation] = side
        return side

    def faults_at_start(self, organisation: Organisation) -> Faults:
        body = {"liveStatuses": self.settings.live_statuses}
        return read_faults(body, self.operations, str(organisation.plan.seed))

    async def dismiss(self, organisation: Organisation) -> None:
        """A world was deleted: nothing more is sent for it."""
        side = self._backstages.pop(organisation, None)
        if side is not None:
            side.feed.close()
            await side.webhooks.reset()

    def admit(self, headers: Mapping[str, str], *, root: bool) -> WorldContext | None:
        """Who asks, and for which world. `root`: only root keys and the token may. Raises `Unauthorised`,
        `Forbidden`."""
        trusted = self._trusted(headers.get(TOKEN))
        key = headers.get("X-API-KEY")
        organisation = self.worlds.find(header_text(key.encode("latin-1"))) if key else None
        if key and organisation is None:
            raise Unauthorised(self.unknown_key)
        if root and not trusted:
            if organisation is None:
                raise Unauthorised("The X-API-KEY header is missing or empty: it must hold an API key.")
            if organisation.key not in self.worlds.roots:
                raise Forbidden(
                    "Worlds are made, listed and deleted with a key that was given at start (or the control token); "
                    "this key opens a world that was made, and acts on that alone."
                )
        return self.backstage(organisation) if organisation else None

    def _trusted(self, token: str | None) -> bool:
        """Whether the control token was given. Raises `Unauthorised` for a wrong one, and for none where it must be."""
        wanted = self.settings.token
        if token is not None and wanted is not None:
            if hmac.compare_digest(token.encode("latin-1"), wanted.encode()):
                return True
            raise Unauthorised(f"The {TOKEN} header does not hold this server's control token.")
        if self.settings.locked:
            raise Unauthorised(
                f"This server's control plane wants the {TOKEN} header (`serve` takes one with --control-token, and "
                "prints one where other machines can reach the server; MockServer has it as control_token)."
            )
        return False
