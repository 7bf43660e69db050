"""`mockserver requests`, `facts` and `why`: what a world was asked, what happened, and the reasons."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import click

from mockserver.printable import printable
from mockserver.remote.server import RequestFailed, Server, print_json, with_server_options

JSON = dict[str, Any]

BETWEEN = 0.5  # seconds between two looks for new requests
AT_ONCE = 1000  # requests that are looked at

follow = click.option("-f", "--follow", is_flag=True, help="Go on with what comes, until Ctrl-C.")
user = click.option("--user", metavar="ID", help="Only what is about this user.")


def limit(what: str) -> Callable[[Any], Any]:
    return click.option(
        "-n", "--limit", default=20, show_default=True, type=click.IntRange(0, 1000), help=f"The newest so many {what}."
    )


@click.command()
@follow
@limit("requests")
@user
@click.option("--operation", metavar="ID", help="Only this operation, such as metrics_event.")
@click.option("--status", type=int, help="Only with this status; 0 where the connection was dropped.")
@with_server_options
def requests(
    server: Server, follow: bool, limit: int, user: str | None, operation: str | None, status: int | None
) -> None:
    """Show what a world was asked, oldest first. Times are those of the world's clock.

    With --json each request is one line, with the bodies of request and response.
    """
    wanted = {"userId": user, "operationId": operation, "status": status}
    newest = server.get("/requests", **wanted, limit=max(limit, 1))["requests"]
    last = newest[0]["number"] if newest else 0
    _print(server, newest[::-1] if limit else [], _request)
    try:
        while follow:
            time.sleep(BETWEEN)
            found = server.get("/requests", **wanted, limit=AT_ONCE, after=last)["requests"]
            missed = found[-1]["number"] - last - 1 if found and last and not any(wanted.values()) else 0
            noun = "request is" if missed == 1 else "requests are"
            if missed and not server.as_json:
                click.echo(f"… {missed:,} {noun} left out: too many at once.")
            _print(server, found[::-1], _request)
            last = found[0]["number"] if found else last
    except KeyboardInterrupt:
        return


def _request(row: JSON) -> str:
    path = f"{row['path']}?{row['query']}" if row["query"] else row["path"]
    status = row["status"]
    words = [row["time"], f"{row['method']:<6} {path:<40}", str(status) if status else "no response"]
    words += [f"{row['duration']:.1f} ms", row["operationId"], row["userId"] or ""]
    words += [f"fault: {row['fault']}"] if row["fault"] else []
    response = row["response"]
    if status and status >= 400 and isinstance(response, dict):
        words.append(str(response.get("error", "")))
    return " ".join(filter(None, words))


@click.command()
@follow
@limit("facts")
@user
@click.option("--kind", metavar="KIND", help="Only this kind, such as StreakLost.")
@with_server_options
def facts(server: Server, follow: bool, limit: int, user: str | None, kind: str | None) -> None:
    """Show what happened in a world, oldest first: events, and all that followed from them, by itself or by time.

    With --json each fact is one line, with all its fields.
    """
    found = server.get("/facts", userId=user, kind=kind, limit=max(limit, 1))
    _print(server, found["facts"][::-1] if limit else [], _fact)
    if not follow:
        return
    try:
        for event, data in server.stream("/stream", userId=user, kind=kind, after=found["total"]):
            if event == "fact":
                _print(server, [data], _fact)
            elif event == "gap" and not server.as_json:
                click.echo(f"… {data['to'] - data['from'] + 1:,} facts are left out: too many at once.")
            elif event == "reset" and not server.as_json:
                click.echo(f"The world began anew: {data['now']}.")
    except KeyboardInterrupt:
        return


def _fact(row: JSON) -> str:
    return f"{row['number']:>6}  {row['time']}  {row['kind']:<20} {row['says']}"


def _print(server: Server, rows: list[JSON], line: Callable[[JSON], str]) -> None:
    for row in rows:
        click.echo(json.dumps(row) if server.as_json else printable(line(row)))


@click.command()
@click.argument("user")
@click.option("--points", metavar="KEY", help="Why these points: a points system.")
@click.option("--achievement", metavar="KEY", help="Why this achievement, or what is missing.")
@click.option("--leaderboard", metavar="KEY", help="Why this rank, in the current run.")
@click.option("--streak", is_flag=True, help="Why this streak, or why none.")
@with_server_options
def why(
    server: Server, user: str, points: str | None, achievement: str | None, leaderboard: str | None, streak: bool
) -> None:
    """Explain why a user has these points, this achievement, this rank or this streak, fact by fact."""
    asked = {"points": points, "achievement": achievement, "leaderboard": leaderboard, "streak": streak or None}
    if sum(value is not None for value in asked.values()) != 1:
        raise RequestFailed("Ask for one of --points KEY, --achievement KEY, --leaderboard KEY and --streak.")
    found = server.get("/why", userId=user, **asked)
    if server.as_json:
        print_json(found)
        return
    click.echo(printable(found["answer"]))
    if found["earlier"]:
        click.echo(f"  {printable(found['earlier'])}")
    for link in found["because"]:
        first, *others = link["sentences"]
        click.echo(f"  {link['fact']['time']}  {printable(first)}")
        for sentence in others:
            click.echo(f"  {'':<24}    {printable(sentence)}")
