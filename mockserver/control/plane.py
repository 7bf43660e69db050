"""The contexts of all worlds of one server, and the application's hooks `before` and `after`."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from mockserver.admin.table import NAMES as ADMIN
from mockserver.control.console import Console
from mockserver.control.context import WorldContext
from mockserver.control.faults import Faults
from mockserver.control.faults import read as read_faults
from mockserver.control.refusals import Forbidden, Unauthorised
from mockserver.exchange import UNKNOWN_KEY, Call, Intervention, Response
from mockserver.game.catalog import WebhookEndpoint
from mockserver.log.record import Record
from mockserver.spec import Spec, header_text
from mockserver.webhooks.bodies import kinds_of
from mockserver.webhooks.delivery import Timing
from mockserver.webhooks.webhooks import Webhooks
from mockserver.worlds import Organisation, Worlds

TOKEN = "X-Control-Token"


@dataclass(frozen=True)
class Settings:
    """How a server was started. `token` opens the plane; `locked`: nothing else does.

    `live_statuses` in every world that it has or makes; `endpoints` get the webhooks of the worlds given at start.
    `console` gets all requests, deliveries and moves. `key_hint`: added to the error for an unknown key.
    """

    token: str | None = None
    locked: bool = False
    prefer: bool = True
    live_statuses: bool = False
    endpoints: tuple[WebhookEndpoint, ...] = ()
    timing: Timing | None = None
    console: Console | None = None
    key_hint: str = ""


class ControlPlane:
    """The contexts of the worlds of one server, and what its calls need."""

    def __init__(self, worlds: Worlds, spec: Spec, settings: Settings | None = None) -> None:
        self.worlds = worlds
        self.spec = spec
        self.settings = settings or Settings()
        self.console = self.settings.console
        self.unknown_key = f"{UNKNOWN_KEY}{self.settings.key_hint}"
        self._kinds = kinds_of(spec)
        self.operations = [*spec.operations, *ADMIN]
        # Set when the application is made: replays a record of a request; makes a world from a log.
        self.replay_operation: Callable[[Organisation, Record], None] | None = None
        self.load: Callable[[list[bytes]], Awaitable[Organisation]] | None = None
        self._contexts: dict[Organisation, WorldContext] = {}
        for organisation in worlds:
            context = self.context(organisation)
            for row in self.settings.endpoints:
                context.webhooks.add_endpoint(row.url, row.secret, row.events, row.active)

    # For the application

    def before(self, call: Call) -> Intervention | None:
        """The faults and preferences for a request, to be awaited; None when there are none."""
        context = self._contexts.get(call.organisation) if call.organisation else None
        return context.before(call, self.settings.prefer) if context else None

    def after(self, call: Call, response: Response) -> None:
        """Called when the response is out."""
        if self.console is not None:
            name, template = (call.operation.id, call.operation.path) if call.operation else ("", "")
            self.console.requested(name, template, call, response)
        context = self._contexts.get(call.organisation) if call.organisation else None
        if context:
            context.after(call, response)

    def tick(self) -> None:
        """Settles what has fallen due under the running clocks, and sends its webhooks."""
        for organisation in self.worlds.tick():
            self.context(organisation).webhooks.flush()

    def flush(self) -> None:
        """Lets webhooks that have not been delivered yet go out."""
        for context in self._contexts.values():
            context.webhooks.flush()

    def stop_waiting(self) -> None:
        """Ends all waits, so that the server can end."""
        self.worlds.shutting_down = True
        for context in self._contexts.values():
            context.stop_waiting()

    async def close(self) -> None:
        """The end: deliveries under way get their grace."""
        for context in list(self._contexts.values()):
            await context.webhooks.close()

    # For the calls

    def context(self, organisation: Organisation) -> WorldContext:
        """The context of a world; made when it is first asked for."""
        context = self._contexts.get(organisation)
        if context is None:
            sent = self.console.sent if self.console else None
            webhooks = Webhooks(organisation, self.settings.timing, self._kinds, sent)
            context = WorldContext(organisation, webhooks, self.faults_at_start(organisation))
            self._contexts[organisation] = context
        return context

    def faults_at_start(self, organisation: Organisation) -> Faults:
        body = {"liveStatuses": self.settings.live_statuses}
        return read_faults(body, self.operations, str(organisation.plan.seed))

    async def remove(self, organisation: Organisation) -> None:
        """A world was deleted: nothing more is sent for it."""
        context = self._contexts.pop(organisation, None)
        if context is not None:
            context.feed.close()
            await context.webhooks.reset()

    def authorize(self, headers: Mapping[str, str], *, root: bool) -> WorldContext | None:
        """The context of the world that the key opens. `root`: only for root keys and the token. Raises `Unauthorised`,
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
        return self.context(organisation) if organisation else None

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
