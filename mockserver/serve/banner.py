"""What a server says when it is ready: where it is, how to get in, and a line to paste."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from urllib.parse import urlsplit

import click

from mockserver.control.plane import TOKEN, ControlPlane, Settings
from mockserver.game.periods import iso
from mockserver.seed import seeded_id
from mockserver.sockets import local_url
from mockserver.spec.compiler import DEFAULT_PREFIX, Spec
from mockserver.worlds import Organisation


def base_url(host: str, port: int, prefix: str = DEFAULT_PREFIX) -> str:
    """The API's address on this machine."""
    return f"{local_url(host, port)}{prefix}"


def admin_url(base: str) -> str:
    """Where the admin half of the official clients belongs: beside the API, since both have paths of the same name."""
    address = urlsplit(base)
    return f"{address.scheme}://{address.netloc}/admin/v1"


def banner(plane: ControlPlane, base: str, *, check_responses: bool) -> str:
    """The text printed at start-up."""
    worlds, settings = plane.worlds, plane.settings
    first = next(iter(worlds))
    rows = [
        ("Base URL", base),
        *(("API key", key) for key in worlds.roots),
        *_endpoints(plane),
        *([("Token", f"{settings.token} (header {TOKEN}, for /_mock)")] if settings.locked else ()),
        ("Python", "from trophy import TrophyApi, TrophyApiEnvironment"),
        ("", f'environment = TrophyApiEnvironment(api="{base}", admin="{admin_url(base)}")'),
        ("", f'trophy = TrophyApi(api_key="{first.key}", environment=environment)'),
        ("Node", 'const { TrophyApiClient } = require("@trophyso/node");'),
        ("", f'const environment = {{ api: "{base}", admin: "{admin_url(base)}" }};'),
        ("", f'const trophy = new TrophyApiClient({{ apiKey: "{first.key}", environment }});'),
        ("Try", _curl(first, base)),
        ("Page", f"{base.removesuffix('/v1')}/_mock/ui"),
    ]
    lines = [click.style(_headline(first), bold=True), ""]
    lines += [f"  {click.style(f'{label:<10}', fg='cyan')}{text}" for label, text in rows]
    lines += ["", *_notes(plane.spec, first, settings, check_responses), "Ctrl-C stops it.", ""]
    return "\n".join(lines)


def _endpoints(plane: ControlPlane) -> Iterator[tuple[str, str]]:
    """Where webhooks go, and what a receiver needs to check them; keys that differ have secrets that differ."""
    for organisation in plane.worlds:
        whose = f" (key {organisation.key})" if len(plane.worlds.roots) > 1 else ""
        for row in plane.context(organisation).webhooks.endpoints:
            types = ", ".join(row.events) or "all types"
            yield "Webhooks", f"{row.url}{'' if row.active else ' (switched off)'}: {types}{whose}"
            yield "", f"secret {row.secret}"


def _headline(organisation: Organisation) -> str:
    plan = organisation.plan
    count = "1 user" if plan.users == 1 else f"{plan.users:,} users"
    days = plan.days_before(organisation.catalog)
    behind = "1 day" if days == 1 else f"{days:,} days"
    users_text = f"{count} with {behind} behind them" if _seeded(organisation) else "nobody in it yet"
    return f"The fake Trophy is ready: {organisation.catalog.name}, {users_text} (seed {plan.seed})."


def _seeded(organisation: Organisation) -> bool:
    """Whether anybody lives there: tenants that the catalog does not list begin empty."""
    return bool(organisation.plan.users and organisation.games)


def _curl(organisation: Organisation, base: str) -> str:
    """A line for a shell that asks about somebody, or about what there is to achieve."""
    headers = [f"X-API-KEY: {organisation.key}"]
    settings = organisation.catalog.settings
    if settings.multi_tenant:
        headers.append(f"Tenant-ID: {next(iter(settings.tenants or ()), 'demo')}")
    path = f"/users/{seeded_id(0)}/streak" if _seeded(organisation) else "/achievements"
    options = " ".join(f"-H {shlex.quote(header)}" for header in headers)
    return f"curl {options} {base}{path}"


def _notes(spec: Spec, organisation: Organisation, settings: Settings, check_responses: bool) -> list[str]:
    """What is not as usual."""
    clock, notes = organisation.clock, []
    if spec.origin:
        notes.append(f"The spec is {spec.origin}, version {spec.version}.")
    if spec.left_out:
        notes.append(f"Of it are left out, or not checked: {', '.join(spec.left_out)}.")
    if clock.frozen:
        notes.append(f"The clock stands still at {iso(clock.now())}.")
    elif organisation.plan.now is not None:
        notes.append(f"The clock runs from {iso(organisation.plan.now)}.")
    if settings.live_statuses:
        notes.append("Faults are on: statuses of the real service that the spec lacks (--live-statuses).")
    if not settings.prefer:
        notes.append("The header Prefer is ignored.")
    if not check_responses:
        notes.append("Responses are not checked against the spec.")
    return notes
