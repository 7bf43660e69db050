"""How options of `mockserver serve` are declared, and those that concern the control plane and webhooks."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Sequence
from functools import wraps
from ipaddress import ip_address
from secrets import token_hex, token_urlsafe
from typing import TYPE_CHECKING, Any, TypeVar

import click

from mockserver.game.catalog import WebhookEndpoint
from mockserver.serve.hosts import Hosts
from mockserver.webhooks.delivery import CONCURRENCY, LONGEST_RETRY_DELAY, MOST_CONCURRENCY, Timing
from mockserver.webhooks.options import Seconds, usable_secret
from mockserver.worlds import DEFAULT_KEY

if TYPE_CHECKING:
    from mockserver.control.plane import Settings

MOST_KEYS = 5  # that are named
LONGEST_HISTORY = 3650  # days
FITTING = "printable ASCII, not empty and without spaces around it"

F = TypeVar("F", bound=Callable[..., Any])


def option(
    name: str,
    *others: str,
    variables: tuple[str, ...] = (),
    callback: Callable[[click.Context, click.Parameter, Any], Any] | None = None,
    **settings: Any,
) -> Callable[[F], F]:
    """An option that an environment variable `MOCKSERVER_…` can also set. An empty text is refused, not taken for none:
    `--keep "$DIR"` without a DIR would keep nothing."""
    plain = name.split("/")[0].removeprefix("--").replace("-", "_").upper()

    def checked(context: click.Context, param: click.Parameter, given: Any) -> Any:
        value = callback(context, param, given) if callback else given
        if "" in (given if isinstance(given, tuple) else (given,)):
            raise click.BadParameter("must not be empty; leave it out instead.")
        return value

    variable = [f"MOCKSERVER_{plain}", *variables]
    return click.option(name, *others, envvar=variable, show_envvar=True, callback=checked, **settings)


def fits_a_header(text: str) -> bool:
    """Whether it reaches the server as it is. What to expect otherwise: FITTING."""
    return bool(text) and text.isascii() and text.isprintable() and text == text.strip()


def check_header(text: str) -> None:
    """BadParameter for what cannot travel in a header."""
    if not fits_a_header(text):
        raise click.BadParameter(f"expected {FITTING}; found {text!r}.")


def usable_token(context: click.Context, param: click.Parameter, token: str | None) -> str | None:
    if token is not None:
        check_header(token)
    return token


CONTROL = (
    option("--prefer/--no-prefer", default=True, show_default=True, help="Obey the header Prefer: code=…, delay=…."),
    option("--live-statuses", is_flag=True, help="Use the real service's statuses that the spec lacks."),
    option(
        "--control-token",
        metavar="TOKEN",
        callback=usable_token,
        help="Opens the control plane, which then wants it. Made up where other machines can reach the server.",
    ),
    option(
        "--webhook",
        "webhooks",
        multiple=True,
        metavar="URL",
        help="Where webhooks go; may be given several times, in the variable with spaces between.",
    ),
    option(
        "--webhook-secret",
        metavar="SECRET",
        callback=usable_secret,
        help="Signs these webhooks; made up if not given.",
    ),
    option("--webhook-events", metavar="TYPE,TYPE", help="Which types go there. Without it: all."),
    option(
        "--webhook-retry-delay",
        default=60.0,
        show_default=True,
        type=Seconds(0, LONGEST_RETRY_DELAY),
        metavar="SECONDS",
        help="From a failed delivery to its first retry, doubling from there.",
    ),
    option(
        "--webhook-concurrency",
        default=CONCURRENCY,
        show_default=True,
        type=click.IntRange(1, MOST_CONCURRENCY),
        metavar="NUMBER",
        help="Deliveries to an endpoint at once, of different users; 1: strictly one after the other.",
    ),
)


def control_options(command: F) -> F:
    """Gives a command these options, and hands it what they say as `settings`."""

    names = [name for name in inspect.signature(_settings).parameters if name != "host"]

    @wraps(command)
    def with_settings(*args: Any, **given: Any) -> Any:
        settings = _settings(host=given["host"], **{name: given.pop(name) for name in names})
        return command(*args, **given, settings=settings)

    decorated: Any = with_settings
    for declare in reversed(CONTROL):
        decorated = declare(decorated)
    return decorated  # type: ignore[no-any-return]


def _settings(
    *,
    host: str,
    prefer: bool,
    live_statuses: bool,
    control_token: str | None,
    webhooks: tuple[str, ...],
    webhook_secret: str | None,
    webhook_events: str | None,
    webhook_retry_delay: float,
    webhook_concurrency: int,
) -> Settings:
    from mockserver.control.plane import Settings

    token, locked = guarded(host, control_token)
    types = _types(webhook_events)
    if not webhooks:
        _refuse_what_concerns_none(webhook_events)
    return Settings(
        token=token,
        locked=locked,
        prefer=prefer,
        live_statuses=live_statuses,
        endpoints=tuple(_endpoint(url, webhook_secret, types) for url in webhooks),
        timing=Timing(retry_delay=webhook_retry_delay, concurrency=webhook_concurrency),
    )


def _types(events: str | None) -> tuple[str, ...]:
    """UsageError if there is no such type, or the option names none at all: no types would mean all of them."""
    from mockserver.game.errors import Refused
    from mockserver.webhooks.bodies import EVERY_KIND
    from mockserver.webhooks.endpoints import check_events

    if events is None:
        return ()
    types = tuple(kind.strip() for kind in events.split(",") if kind.strip())
    if not types:
        raise click.UsageError("--webhook-events names no type: leave it out to send all.")
    try:
        check_events(types, EVERY_KIND)  # whether the spec has them is found when it is read
    except Refused as error:
        raise click.UsageError(f"{error}.") from None
    return types


def _refuse_what_concerns_none(events: str | None) -> None:
    """UsageError for options about the webhooks of --webhook where there is none.

    A secret in the environment may be there for `listen` and `verify-webhooks`, which read the same variable.
    """
    source = click.get_current_context().get_parameter_source("webhook_secret")
    if source is click.core.ParameterSource.COMMANDLINE:
        raise click.UsageError("--webhook-secret signs what goes to --webhook, which is not given.")
    if events is not None:
        raise click.UsageError("--webhook-events chooses what goes to --webhook, which is not given.")


def _endpoint(url: str, secret: str | None, types: tuple[str, ...]) -> WebhookEndpoint:
    """UsageError, before anything is made, if nothing could be sent there."""
    from mockserver.game.errors import Refused
    from mockserver.webhooks.bodies import EVERY_KIND
    from mockserver.webhooks.endpoints import Endpoints

    try:
        Endpoints(EVERY_KIND, seed="").add(url, secret, types)
    except Refused as error:
        raise click.UsageError(f"{error}.") from None
    return WebhookEndpoint(url, secret, types)


def guarded(host: str, token: str | None) -> tuple[str | None, bool]:
    """The control token of a server that listens there, made up where it is needed and not given; and whether nothing
    else opens its control plane: a token that is given is wanted everywhere."""
    exposed = not is_loopback(host)
    return token or (token_urlsafe(16) if exposed else None), exposed or token is not None


def default_key(host: str) -> str:
    """The API key of a server that was given none: the known one where only this machine can reach it."""
    return DEFAULT_KEY if is_loopback(host) else f"{token_hex(4)}.{token_hex(16)}"


def key_hint(host: str, keys: Sequence[str], source: str, settings: Settings) -> str:
    """The hint for an unknown API key: which keys open a world, and where they come from (`source`).
    Nothing where other machines can reach the server, or a control token guards it."""
    if settings.locked or not is_loopback(host):
        return ""
    named = ", ".join(keys[:MOST_KEYS])
    more = f" and {len(keys) - MOST_KEYS} more" if len(keys) > MOST_KEYS else ""
    there = f"This server's keys are {named}{more}" if len(keys) > 1 else f"This server's key is {named}"
    return f" {there} ({source}); worlds that were made have keys of their own."


def hosts_for(host: str, allowed: Iterable[str]) -> Hosts | None:
    """The names that a server which listens there accepts; None: all. On an address that other machines can reach
    the control token guards it, and names are looked at only when some are allowed by name. ValueError for what can be
    no name."""
    allowed = tuple(allowed)
    return Hosts(host, allowed) if allowed or is_loopback(host) else None


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server that listens there; a name other than localhost is not trusted."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
