"""`mockserver verify-webhooks`: sends a handler what Trophy may send and what Trophy never would."""

from __future__ import annotations

import sys
from typing import NamedTuple

import click
import httpx2
from rich.console import Console
from rich.table import Column, Table

from mockserver.clock import real_time
from mockserver.game.errors import Refused
from mockserver.printable import printable
from mockserver.webhooks.bodies import KINDS
from mockserver.webhooks.endpoints import check_url
from mockserver.webhooks.handler_checks import Check, checks
from mockserver.webhooks.options import Seconds, usable_secret
from mockserver.webhooks.signing import HEADER

ADVICE = {
    "valid": "return 2xx when the event was taken",
    "duplicate": "delivery is at least once: the same event may come again",
    "other spacing": "check the signature over the raw bytes, not over JSON that was parsed and written again",
    "unknown fields": "fields may be added at any time",
    "unknown type": "types may be added at any time: return 2xx for what you do not use",
    "wrong secret": f"{HEADER} is base64(HMAC-SHA256(secret, raw body)); compare before anything else",
    "changed body": "the signature covers every byte of the body",
    "no signature": f"refuse what has no {HEADER}",
    "not base64": "a signature may be any text; that is no reason to fail",
    "empty signature": f"an empty {HEADER} is none",
}
WIDE = 130  # columns, for a log or a file, which have no width of their own
OUT_OF_ORDER = "events may overtake each other: go by their timestamp, not by their arrival"


class Outcome(NamedTuple):
    """What the handler did: a status, or why there was none."""

    check: Check
    status: int | None
    error: str

    @property
    def passed(self) -> bool:
        return self.check.passed(self.status)

    @property
    def cell(self) -> str:
        colour = "green" if self.passed else "red"
        return f"[{colour}]{'✓' if self.passed else '✗'} {self.status or self.error.partition(':')[0]}[/]"


class CannotRun(click.ClickException):
    exit_code = 2


def send_check(client: httpx2.Client, url: str, check: Check) -> Outcome:
    """Sends one request; redirects are not followed, as Trophy does not either. CannotRun if none can be made."""
    headers = {"Content-Type": "application/json", "User-Agent": "trophy-mockserver"}
    if check.signature is not None:
        headers[HEADER] = check.signature
    try:
        return Outcome(check, client.post(url, content=check.body, headers=headers).status_code, "")
    except (httpx2.InvalidURL, UnicodeError) as error:
        raise CannotRun(f"no request can be sent to {url} ({error}).") from None
    except (httpx2.HTTPError, OSError) as error:
        return Outcome(check, None, printable(f"{type(error).__name__}: {error}".removesuffix(": ")))
    finally:
        client.cookies.clear()


def run(url: str, secret: str, timeout: float) -> list[Outcome]:
    """All checks, one after the other. CannotRun when not even the first one gets through."""
    outcomes: list[Outcome] = []
    with httpx2.Client(timeout=timeout, trust_env=False) as client:
        for check in checks(secret, real_time()):
            outcomes.append(send_check(client, url, check))
            if len(outcomes) == 1 and outcomes[0].status is None:
                raise CannotRun(f"no response from {url} ({outcomes[0].error}); is the handler running?")
    return outcomes


def show(outcomes: list[Outcome], console: Console) -> None:
    """Type × expectation × what the handler did, then each surprise with what to do about it."""
    console.print(_by_type(outcomes))
    console.print(_others(outcomes))
    surprises = [outcome for outcome in outcomes if not outcome.passed]
    if refuses_all(outcomes):
        console.print(_wrong_secret(outcomes[0]), style="red", markup=False, soft_wrap=True)
    else:
        for name in dict.fromkeys(_subject(outcome.check) for outcome in surprises):
            line = _surprise(name, [outcome for outcome in surprises if _subject(outcome.check) == name])
            console.print(line, style="red", markup=False, soft_wrap=True)
    console.print(f"{len(outcomes) - len(surprises)} of {len(outcomes)} as expected", style="bold")


def refuses_all(outcomes: list[Outcome]) -> bool:
    """Whether the handler took no event at all, the well-signed ones neither: then there is one cause, not many."""
    return all(outcome.status is not None and outcome.status // 100 == 4 for outcome in outcomes)


def _wrong_secret(first: Outcome) -> str:
    return (
        f"✗ wrong secret? The handler refused every event ({first.status} to {first.check.kind}), those signed with "
        "--secret too: it checks with another secret, or refuses before it looks at the signature"
    )


def _subject(check: Check) -> str:
    return check.name if check.name in ADVICE else "out of order"


def _surprise(name: str, outcomes: list[Outcome]) -> str:
    first = outcomes[0]
    did = f"returned {first.status}" if first.status else f"gave no response ({first.error})"
    more = f" and {len(outcomes) - 1} more" if len(outcomes) > 1 else ""
    advice = ADVICE.get(name, OUT_OF_ORDER)
    return f"✗ {name}: {did} to {first.check.kind}{more}, expected {first.check.expected}; {advice}"


def _columns(outcomes: list[Outcome]) -> dict[str, str]:
    """The checks that every type gets, with the status that each expects."""
    return {o.check.name: o.check.expected for o in outcomes if o.check.kind == KINDS[-1] and o.check.name in ADVICE}


def _by_type(outcomes: list[Outcome]) -> Table:
    columns = _columns(outcomes)
    table = Table(Column("type", no_wrap=True), title="Every type", show_edge=False, pad_edge=False)
    for name, expected in columns.items():
        table.add_column(f"{name}\n→ {expected}", overflow="fold")
    for kind in KINDS:
        cells = {outcome.check.name: outcome.cell for outcome in outcomes if outcome.check.kind == kind}
        table.add_row(kind, *(cells[name] for name in columns))
    return table


def _others(outcomes: list[Outcome]) -> Table:
    columns = _columns(outcomes)
    table = Table(
        "type", "sent", "expected", "did", title="Out of order and unheard of", show_edge=False, pad_edge=False
    )
    for outcome in outcomes:
        if outcome.check.name not in columns:
            table.add_row(outcome.check.kind, outcome.check.name, outcome.check.expected, outcome.cell)
    return table


@click.command("verify-webhooks")
@click.argument("handler_url")
@click.option(
    "--secret",
    required=True,
    envvar="MOCKSERVER_WEBHOOK_SECRET",
    show_envvar=True,
    callback=usable_secret,
    help="The secret that the handler checks with.",
)
@click.option(
    "--timeout",
    default=10.0,
    show_default=True,
    type=Seconds(0, 3600, min_open=True),
    help="Seconds to wait for each response.",
)
@click.pass_context
def verify_webhooks(context: click.Context, handler_url: str, secret: str, timeout: float) -> None:
    """Test your webhook handler at HANDLER_URL: valid, forged, repeated, unordered and unknown events.

    Exits 0 when it did what was expected of it, 1 when it did not, 2 when it could not be asked.
    """
    try:
        check_url(handler_url)
    except Refused as error:
        raise CannotRun(str(error).replace('webhook "url"', "HANDLER_URL")) from error
    outcomes = run(handler_url, secret, timeout)
    show(outcomes, Console(width=None if sys.stdout.isatty() else WIDE))
    context.exit(0 if all(outcome.passed for outcome in outcomes) else 1)
