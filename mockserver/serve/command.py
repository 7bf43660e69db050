"""`mockserver serve`: reads its options, makes the worlds, serves."""

from __future__ import annotations

import gc
import signal
import socket
from collections.abc import Collection
from dataclasses import fields, replace
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from mockserver import cache
from mockserver.catalogs import CatalogError
from mockserver.catalogs.command import complete_catalog
from mockserver.game.errors import GameError
from mockserver.game.periods import FIRST_CLOCK, LAST_CLOCK, milliseconds
from mockserver.log.record import LogError
from mockserver.serve.catalog_file import CatalogFile, find
from mockserver.serve.hosts import CorsOrigins, Hosts, cors_origins
from mockserver.serve.options import (
    LONGEST_HISTORY,
    check_header,
    control_options,
    default_key,
    hosts_for,
    key_hint,
    option,
)
from mockserver.sockets import KEEP_ALIVE, LONGEST_KEEP_ALIVE, listen_on
from mockserver.webhooks.options import Seconds
from mockserver.worlds import DEFAULT_KEY, Plan, Worlds

if TYPE_CHECKING:
    from mockserver.control.plane import Settings
    from mockserver.serve.terminal import Format
    from mockserver.serve.world_source import LocalWorlds, SharedWorlds
    from mockserver.spec import Spec

LEVELS = ("critical", "error", "warning", "info", "debug")
LONGEST_IDLE = 365 * 86_400.0  # seconds


class CannotServe(click.ClickException):
    """One sentence, exit code 2."""

    exit_code = 2


class Moment(click.ParamType[int]):
    """An instant in ISO 8601 (UTC where no zone is given), as milliseconds."""

    name = "ISO"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        try:
            instant = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is not a time like 2026-01-15T12:00:00Z.", param, ctx)
        time = milliseconds(instant if instant.tzinfo else instant.replace(tzinfo=UTC))
        if not FIRST_CLOCK <= time <= LAST_CLOCK:
            self.fail("clocks run from 1970 to 9000.", param, ctx)
        return time


def api_keys(ctx: click.Context, param: click.Parameter, keys: tuple[str, ...]) -> tuple[str, ...]:
    """Keys that can travel in a header, each once."""
    for key in keys:
        check_header(key)
    return tuple(dict.fromkeys(keys))


def names(ctx: click.Context, param: click.Parameter, given: tuple[str, ...]) -> tuple[str, ...]:
    try:
        Hosts("localhost", given)
    except ValueError as error:
        raise click.BadParameter(f"{error}.") from None
    return given


def origins(ctx: click.Context, param: click.Parameter, given: tuple[str, ...]) -> tuple[str, ...]:
    try:
        cors_origins(given, ())
    except ValueError as error:
        raise click.BadParameter(f"{error}.") from None
    return given


@click.command()
@option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@option(
    "--port",
    default=8080,
    show_default=True,
    type=click.IntRange(0, 65535),
    variables=("PORT",),
    help="Port to listen on; 0 takes any free one.",
)
@option(
    "--api-key",
    "keys",
    multiple=True,
    metavar="KEY",
    callback=api_keys,
    help=f"Opens a world of its own; may be given several times, in the variable with spaces between. "
    f"Without it: {DEFAULT_KEY}, or one that is made up and printed where other machines can reach the server.",
)
@option(
    "--catalog",
    default="catalog",
    show_default="a writing app",
    metavar="FILE",
    shell_complete=complete_catalog,
    help="What the organisation has set up: a TOML file, or one that comes with the server by its name: "
    "fitness, study, reading, savings.",
)
@option(
    "--document",
    metavar="FILE",
    type=click.Path(dir_okay=False),
    help="Another version of the spec (an OpenAPI document) to serve. Without it: the one that comes with the server.",
)
@option("--partial", is_flag=True, help="Serve what can be served of that spec, and leave out the rest.")
@option(
    "--allowed-host",
    "allowed_hosts",
    multiple=True,
    metavar="NAME",
    callback=names,
    help="A name under which the server may be called, beside localhost, IP addresses and the name of --host, such as "
    "host.docker.internal; *.NAME for all below it, * for every name. May be given several times.",
)
@option(
    "--cors",
    multiple=True,
    metavar="ORIGIN",
    callback=origins,
    help="Scripts on pages of this origin, such as http://localhost:5173, may call the API; https://*.NAME for all "
    "below it, * for every one. May be given several times, in the variable with spaces between.",
)
@option(
    "--cors-control",
    multiple=True,
    metavar="ORIGIN",
    callback=origins,
    help="The same for the control plane under /_mock, which --cors leaves closed.",
)
@option("--watch", is_flag=True, help="Read the catalog again when its file changes; users keep what they have.")
@option("--seed", default=1, show_default=True, help="The number from which users, ids and history follow.")
@option("--users", default=50, show_default=True, type=click.IntRange(0), help="How many seeded users there are.")
@option(
    "--history-days",
    default=None,
    show_default="60; 84 with a weekly and 150 with a monthly streak",
    type=click.IntRange(0, LONGEST_HISTORY),
    help="How many days of activity the users have behind them.",
)
@option("--now", type=Moment(), help="Where the clock starts, such as 2026-01-15T12:00:00Z. Without it: the real time.")
@option("--frozen", is_flag=True, help="The clock stands still until it is moved.")
@option(
    "--check-responses/--no-check-responses",
    default=True,
    show_default=True,
    help="Check every response against the spec.",
)
@option(
    "--keep",
    metavar="DIR",
    type=click.Path(file_okay=False),
    help="Keep the worlds in this directory: every accepted request is there again after any end of the process.",
)
@option(
    "--load",
    metavar="FILE",
    type=click.Path(dir_okay=False),
    help="Begin with the world in this file, which `mockserver keep export` wrote; the first key opens it.",
)
@option(
    "--log",
    "cluster",
    metavar="URL,URL",
    help="Share the worlds with other servers, through the log in this cluster of NATS JetStream: nats://a:4222,….",
)
@option(
    "--reads",
    default="linear",
    show_default=True,
    type=click.Choice(("linear", "local")),
    help="With --log: ask the cluster before each response what is newest, or respond with what this server knows.",
)
@option(
    "--idle",
    default=None,
    show_default="600",
    type=Seconds(1, LONGEST_IDLE),
    metavar="SECONDS",
    help="With --log: drop a world after so long without a request; the next request for it brings it up again.",
)
@option(
    "--checkpoints",
    metavar="DIR",
    type=click.Path(file_okay=False),
    help="With --log: keep checkpoints of worlds in this directory, so that they are brought up quickly. Without it: "
    "in the user's cache directory.",
)
@option("--keep-sync", is_flag=True, help="Respond only when it is on the disk: it survives a power cut, too.")
@option(
    "--keep-alive",
    default=KEEP_ALIVE,
    show_default=True,
    type=Seconds(0.1, LONGEST_KEEP_ALIVE),
    metavar="SECONDS",
    help="How long a connection stays open on which nobody asks; longer than the pools of clients wait.",
)
@control_options
@option("--log-level", default="info", show_default=True, type=click.Choice(LEVELS), help="How much is logged.")
@option(
    "--log-format",
    default=None,
    show_default="text on a terminal, no such lines elsewhere",
    type=click.Choice(("text", "json")),
    help="A line on standard error for each request, webhook and move of a clock, at the level info: as text, or as "
    "JSON like all else that is logged.",
)
def serve(
    host: str,
    port: int,
    keys: tuple[str, ...],
    catalog: str,
    document: str | None,
    partial: bool,
    allowed_hosts: tuple[str, ...],
    cors: tuple[str, ...],
    cors_control: tuple[str, ...],
    watch: bool,
    seed: int,
    users: int,
    history_days: int | None,
    now: int | None,
    frozen: bool,
    check_responses: bool,
    keep: str | None,
    keep_sync: bool,
    load: str | None,
    cluster: str | None,
    reads: str,
    idle: float | None,
    checkpoints: str | None,
    keep_alive: float,
    settings: Settings,
    log_level: str,
    log_format: Format | None,
) -> None:
    """Start the fake Trophy: for each API key an organisation with seeded users and a clock."""
    from mockserver.serve.terminal import console, log_to_stderr
    from mockserver.serve.world_source import SharedOptions, world_source

    log_to_stderr(log_level, log_format)
    spec = other_spec(document, partial)
    listening: list[socket.socket] = []
    try:
        file = CatalogFile(find(catalog))
        if watch:
            check_watched(file, catalog, cluster)
        listening += listen_on(host, port)
        plan = Plan(file, seed=seed, users=users, now=now, frozen=frozen, history_days=history_days)
        shared = SharedOptions(cluster or "", reads == "local", idle, checkpoints)
        source = world_source(keep, keep_sync, load, shared, settings.endpoints)
        roots, key_source = root_keys(keys, source, host)
        worlds = make_worlds(plan, roots, source, asked_for(plan))
        watched, hosts = file if watch else None, hosts_for(host, allowed_hosts)
        run(
            worlds,
            replace(
                settings, console=console(log_level, log_format), key_hint=key_hint(host, roots, key_source, settings)
            ),
            listening,
            host,
            spec=spec,
            watched=watched,
            check_responses=check_responses,
            hosts=hosts,
            cors=cors_origins(cors, cors_control),
            source=source,
            keep_alive=keep_alive,
        )
    except (CatalogError, LogError) as error:
        raise CannotServe(str(error)) from None
    except KeyboardInterrupt:
        click.echo("Stopped.", err=True)
    finally:
        for each in listening:
            each.close()


def root_keys(
    keys: tuple[str, ...], source: LocalWorlds | SharedWorlds | None, host: str
) -> tuple[tuple[str, ...], str]:
    """The keys of the worlds that a server begins with, and where they come from."""
    if keys:
        return keys, "from --api-key or MOCKSERVER_API_KEY"
    if source and (kept := source.roots()):
        return kept, "of the kept worlds"
    return (default_key(host),), "the default; --api-key or MOCKSERVER_API_KEY sets others"


def check_watched(file: CatalogFile, catalog: str, cluster: str | None) -> None:
    """Raises UsageError where there is no file to watch, or one on each server."""
    if file.path != Path(catalog):
        raise click.UsageError("--watch reads the file of --catalog again when it changes, and none is given.")
    if cluster:
        raise click.UsageError(
            "--watch does not go together with --log: each server would follow a file of its own. PUT the catalog "
            "to /_mock/catalog of any of them instead."
        )


def other_spec(file: str | None, partial: bool) -> Spec | None:
    """The one that `--document` names, None without it. Raises with everything of it that cannot be served."""
    if file is None:
        if partial:
            raise click.UsageError("--partial is about --document, which is not given.")
        return None
    from mockserver.serve.spec_choice import choose_spec
    from mockserver.spec import SpecError

    try:
        return choose_spec(file, partial=partial)
    except SpecError as error:
        raise CannotServe(str(error)) from None


def asked_for(plan: Plan) -> set[str]:
    """The fields of the plan that an option or a variable has given."""
    context = click.get_current_context()
    names = (field.name for field in fields(plan))
    return {name for name in names if context.get_parameter_source(name) is not ParameterSource.DEFAULT}


def make_worlds(
    plan: Plan, keys: tuple[str, ...], source: LocalWorlds | SharedWorlds | None = None, given: Collection[str] = ()
) -> Worlds:
    """A world for each key with its seeded users, and the worlds that were there before. Raises `LogError`."""
    from mockserver.serve.population_files import PopulationFiles
    from mockserver.serve.populations import POPULATIONS
    from mockserver.serve.progress import Progress, populate, populations

    POPULATIONS.files = PopulationFiles(cache.directory("lived"))
    gc.disable()  # nothing of what is made here will be garbage
    with Progress(plan.users, populations(plan) * len(keys)) as progress:
        if source is None:
            worlds = Worlds(plan, keys, progress.populate)
        else:
            worlds = source.worlds(plan, keys, progress.populate, given)
    worlds.populate = populate  # later worlds are made without a progress bar
    gc.freeze()
    gc.enable()
    gc.set_threshold(20_000, 20, 50)  # what requests leave behind stays, or goes without a cycle: seldom worth a look
    return worlds


def run(
    worlds: Worlds,
    settings: Settings,
    listening: list[socket.socket],
    host: str,
    *,
    spec: Spec | None,
    watched: CatalogFile | None,
    check_responses: bool,
    hosts: Hosts | None = None,
    cors: CorsOrigins | None = None,
    source: LocalWorlds | SharedWorlds | None = None,
    keep_alive: float = KEEP_ALIVE,
) -> None:
    """Serves until the process is told to stop; Ctrl-C is a KeyboardInterrupt once all is closed."""
    from mockserver.serve.banner import banner, base_url
    from mockserver.serve.server import make_app, make_http, make_plane
    from mockserver.spec import SpecError

    try:
        plane = make_plane(worlds, settings, spec)
        app = make_app(plane, check_responses=check_responses, watched=watched, hosts=hosts, cors=cors)
        if source is not None:
            source.bring_up(plane, app)
            gc.freeze()
    except (SpecError, GameError) as error:
        raise CannotServe(str(error)) from None
    base = base_url(host, listening[0].getsockname()[1], plane.spec.prefix)
    click.echo(banner(plane, base, check_responses=check_responses))
    signal.signal(signal.SIGTERM, stop)
    try:
        make_http(app, keep_alive=keep_alive).run(sockets=listening)
    finally:
        if plane.console is not None:
            plane.console.close()


def stop(number: int, frame: FrameType | None) -> None:
    """Ends the process as Ctrl-C does, without a trace."""
    raise SystemExit(0)
