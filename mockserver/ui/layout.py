"""The layout around every view: a visit with its calls, the frame, and the templates."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import jinja2
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from mockserver.ui import formatting
from mockserver.ui.calls import JSON, CallFailed, Calls
from mockserver.ui.results import Result, Results

HERE = Path(__file__).parent
NAVIGATION = (
    ("", "Overview"),
    ("users", "Users"),
    ("boards", "Boards"),
    ("achievements", "Achievements"),
    ("points", "Points"),
    ("catalog", "Catalog"),
    ("webhooks", "Webhooks"),
    ("requests", "Requests"),
    ("faults", "Faults"),
    ("api", "API"),
)
ZONE = "mock_zone"


class Visit:
    """One request for a view: what is asked, of which world, and the calls that may be made for it."""

    def __init__(self, request: Request, view: str, first_key: str, token: str | None, results: Results) -> None:
        self.request = request
        self.view = view
        self.query = dict(request.query_params)
        self.form: dict[str, str] = {}
        self.first_key = first_key
        self.results = results
        key, tenant = self.query.get("world") or first_key, self.query.get("tenant") or None
        host = request.headers.get("host", "127.0.0.1")
        self.origin = f"{request.url.scheme}://{host}"
        self.calls = Calls(request.app, key, tenant, token, host)
        self.root_calls = Calls(request.app, first_key, None, token, host)
        zone = request.cookies.get(ZONE, "UTC")
        self.today = ""  # as the clock shows it, in that zone; known once the clock was read
        self.zone = zone if zone in formatting.zone_names() else "UTC"

    @property
    def key(self) -> str:
        return self.calls.key

    def take_form(self, body: bytes) -> None:
        """What a form sent; of a field that came several times the last."""
        self.form = dict(parse_qsl(body.decode(errors="replace"), keep_blank_values=True))
        if world := self.form.get("world"):
            self.calls.key = world
        if tenant := self.form.get("tenant"):
            self.calls.tenant = tenant

    def url(self, view: str, **query: object) -> str:
        """Of another view of the same world."""
        world = None if self.key == self.first_key else self.key
        return formatting.address(view, **query, world=world, tenant=self.calls.tenant)

    def here(self, **changed: object) -> str:
        """This view with something else asked."""
        kept = {name: value for name, value in self.query.items() if name not in ("world", "tenant", "done")}
        return self.url(self.view, **{**kept, **changed})

    async def get(self, path: str, **query: object) -> JSON:
        return await self.calls.get(path, **query)


async def in_layout(visit: Visit, template: str, title: str, **context: Any) -> Response:
    """A view within the frame."""
    clock = await visit.get("/clock")
    visit.today = formatting.weekday(clock["now"], visit.zone)
    number = visit.query.get("done", "")
    return render(
        template,
        visit=visit,
        title=title,
        world=await _world(visit, clock),
        clock=clock | midnight(clock["now"], visit.zone),
        snapshots=(await visit.get("/snapshots"))["snapshots"],
        result=visit.results.find(visit.key, number) if number else None,
        **context,
    )


async def _world(visit: Visit, clock: JSON) -> JSON:
    """The world that is shown, and the others where they may be known."""
    reply = await visit.calls.control("GET", "/worlds")
    if not reply.ok:
        reply = await visit.root_calls.control("GET", "/worlds")
    rows = reply.json()["worlds"] if reply.ok else []
    own = next((row for row in rows if row["apiKey"] == visit.key), None)
    shown = own or {"apiKey": visit.key, "root": False, "organisation": "A world", "users": None, "tenants": None}
    return shown | {"all": rows}


def midnight(now: str, zone: str) -> JSON:
    """The next midnight in a zone, and how far the day there has come, from 0 to 1."""
    local = formatting.parse_time(now).astimezone(formatting.zone_of(zone))
    start = local.replace(hour=0, minute=0, second=0, microsecond=0)
    following = (start.replace(tzinfo=None) + timedelta(days=1)).replace(tzinfo=local.tzinfo)
    passed, whole = local.timestamp() - start.timestamp(), following.timestamp() - start.timestamp()
    return {
        "midnight": _iso(following),
        "share": max(0.0, min(1.0, passed / whole)),
        "left": max(0, round((whole - passed) / 60)),
    }


def _iso(moment: datetime) -> str:
    return moment.astimezone(formatting.zone_of("UTC")).strftime("%Y-%m-%dT%H:%M:%SZ")


async def tenant_of(visit: Visit) -> None:
    """Where there are tenants and none was chosen, the first is shown. Raises `CallFailed` for an unknown world."""
    if visit.calls.tenant is not None:
        return
    reply = await visit.root_calls.control("GET", "/worlds")
    for row in reply.json()["worlds"] if reply.ok else ():
        if row["apiKey"] == visit.key and row["tenants"]:
            visit.calls.tenant = row["tenants"][0]


@cache
def templates() -> jinja2.Environment:
    """All foreign text is escaped; a name that a template does not get is an error."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.globals |= {
        "navigation": NAVIGATION,
        "home": formatting.HOME,
        "kinds": formatting.KINDS,
        "asset": asset,
        "versions": versions,
        "address": formatting.address,
        "plural": formatting.plural,
        "zone_names": formatting.zone_names,
    }
    made.filters |= {
        name: getattr(formatting, name)
        for name in (
            "when",
            "clock_time",
            "weekday",
            "day",
            "short_day",
            "hour",
            "number",
            "signed",
            "pretty",
            "kind_name",
            "kind_tone",
            "duration",
            "day_of",
        )
    }
    return made


def versions() -> str:
    """What the server calls itself."""
    from importlib.metadata import version

    return version("trophy-mockserver")


@cache
def asset(name: str) -> str:
    """The address of a file of the page; another content, another address."""
    digest = hashlib.sha256((HERE / "static" / name).read_bytes()).hexdigest()[:12]
    return f"{formatting.HOME}/static/{name}?v={digest}"


def render(template: str, status: int = 200, **context: Any) -> Response:
    return HTMLResponse(templates().get_template(template).render(**context), status)


def login(*, wrong: bool) -> Response:
    """Where the control token is asked for."""
    return render("login.html", 401, wrong=wrong)


def refused(visit: Visit, status: int, sentence: str) -> Response:
    """What was not done, and why."""
    return render("refused.html", status, visit=visit, title="Not done", sentence=sentence)


def failed(visit: Visit, error: CallFailed) -> Response:
    """A view that cannot be shown: what was refused, in its own words."""
    status = error.reply.status if 400 <= error.reply.status < 500 else 500
    return render("refused.html", status, visit=visit, title="Not here", sentence=error.reply.error)


__all__ = ["CallFailed", "Result", "Visit", "failed", "in_layout", "login", "refused", "render", "tenant_of"]
