"""`mockserver clock` and `mockserver reset`: a world's time, and its beginning."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import Any

import click

from mockserver.printable import printable
from mockserver.remote.server import RequestFailed, Server, print_json, with_server_options

UNITS = {"w": ("days", 7), "d": ("days", 1), "h": ("hours", 1), "m": ("minutes", 1), "s": ("seconds", 1)}
ACTIONS = ("advance", "set", "freeze", "unfreeze")
MOST = 20  # facts that are shown

_AMOUNT = re.compile(
    r"\s*([0-9]+(?:\.[0-9]+)?)\s*(w(?:eeks?)?|d(?:ays?)?|h(?:ours?)?|m(?:in(?:utes?)?)?|s(?:ec(?:onds?)?)?)(?![a-z])"
)


@click.command()
@click.argument("action", required=False, metavar="[advance|set|freeze|unfreeze]")
@click.argument("time", nargs=-1)
@click.option("--wait", is_flag=True, help="With advance: until no webhook is due any more.")
@with_server_options
def clock(server: Server, action: str | None, time: tuple[str, ...], wait: bool) -> None:
    """Show a world's clock, or move it: all that falls due on the way happens.

    \b
    clock                        what it shows
    clock advance 2d             so much time passes; also 1h30m, 2 weeks, 90s
    clock set 2026-02-01T08:00Z  goes there; it does not go back
    clock freeze [TIME]          stops, here or at a later time
    clock unfreeze               runs on
    """
    given = " ".join(time)
    if action is not None and action not in ACTIONS:
        meant = next(iter(get_close_matches(action, ACTIONS, n=1)), "")
        hint = f"did you mean `clock {meant}`?" if meant else f"there are {', '.join(ACTIONS)}."
        raise RequestFailed(f"There is no `clock {printable(action)}`; {hint}")
    if wait and action != "advance":
        raise RequestFailed("--wait goes with `clock advance`.")
    if action == "unfreeze" and given:
        raise RequestFailed(f"`clock {action}` takes no time; {printable(given)!r} is given.")
    if action == "advance":
        _moved(server, server.call("POST", "/clock/advance", _passing(given) | ({"wait": True} if wait else {})))
    elif action == "set":
        if not given:
            raise RequestFailed("`clock set` needs a time, such as 2026-02-01T08:00Z.")
        _moved(server, server.call("PUT", "/clock", {"now": given}))
    elif action is not None:
        body: dict[str, Any] = {"frozen": action == "freeze"}
        _moved(server, server.call("PUT", "/clock", body | ({"now": given} if given else {})))
    else:
        _shown(server, server.get("/clock"))


def _passing(text: str) -> dict[str, float]:
    """`1d 12h` as the fields of an advance. UsageError for what is none."""
    total: dict[str, float] = {}
    at = 0
    while found := _AMOUNT.match(text.lower(), at):
        field, times = UNITS[found[2][0]]
        total[field] = total.get(field, 0) + float(found[1]) * times
        at = found.end()
    if not total or text[at:].strip():
        what = f"{printable(text)!r} is none" if text.strip() else "none is given"
        raise RequestFailed(f"`clock advance` needs an amount of time, such as 2d, 1h30m or 2 weeks; {what}.")
    return total


def _shown(server: Server, now: dict[str, Any]) -> None:
    if server.as_json:
        print_json(now)
        return
    stands = "stands still" if now["frozen"] else "runs"
    due = f"Something may fall due at {now['nextDue']}." if now["nextDue"] else "Nothing will fall due."
    click.echo(f"{now['now']}, and {stands}. {due}")


def _moved(server: Server, move: dict[str, Any]) -> None:
    if server.as_json:
        print_json(move)
        return
    _shown(server, move)
    counts, facts = move["counts"], move["facts"]
    if counts:
        click.echo(f"Since {move['from']}: {', '.join(f'{kind} {count:,}' for kind, count in counts.items())}.")
    for fact in facts[:MOST]:
        click.echo(f"  {fact['time']}  {printable(fact['says'])}")
    if (more := sum(counts.values()) - len(facts[:MOST])) > 0:
        click.echo(f"  … and {more:,} more: `mockserver facts` lists them.")


@click.command()
@with_server_options
def reset(server: Server) -> None:
    """Put a world back to its seed; requests and webhooks so far are forgotten."""
    world = server.call("POST", "/reset", {})
    if server.as_json:
        print_json(world)
    else:
        click.echo(f"{printable(world['organisation'])} is as it began: {world['users']:,} users, {world['now']}.")
