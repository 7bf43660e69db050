"""`mockserver world`: worlds that are made beside those that the server was started with."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from mockserver.printable import printable
from mockserver.remote.server import RequestFailed, Server, print_json, print_table, with_server_options


@click.group()
def world() -> None:
    """Make, list and delete worlds, each with an API key of its own.

    It wants a key that was given when the server was started, or the control token.
    """


@world.command()
@click.option("--catalog", metavar="FILE", help="A TOML file, or the name of a catalog that comes with the server.")
@click.option("--seed", type=int, help="Another number gives other users. Without it: the server's.")
@click.option("--users", type=int, help="How many users there are. Without it: none.")
@click.option("--history-days", type=int, help="How many days of activity they have behind them.")
@click.option("--now", metavar="ISO", help="Where the clock starts. Without it: the real time.")
@click.option("--frozen", is_flag=True, help="The clock stands still until it is moved.")
@click.option("--load", metavar="FILE", help="Begin with a world that `mockserver keep export` wrote.")
@with_server_options
def new(
    server: Server,
    catalog: str | None,
    seed: int | None,
    users: int | None,
    history_days: int | None,
    now: str | None,
    frozen: bool,
    load: str | None,
) -> None:
    """Make a world, and print the API key that opens it."""
    given = {
        "catalog": _text(catalog) if catalog is not None and os.path.isfile(catalog) else catalog,
        "seed": seed,
        "users": users,
        "historyDays": history_days,
        "now": now,
        "frozen": frozen or None,
        "load": None if load is None else _text(load),
    }
    made = server.call("POST", "/worlds", {name: value for name, value in given.items() if value is not None})
    if server.as_json:
        print_json(made)
        return
    click.echo(made["apiKey"])
    click.echo(_summary(made), err=True)


def _text(file: str) -> str:
    try:
        return Path(file).read_text(encoding="utf-8-sig")
    except OSError as error:
        raise RequestFailed(f"{file} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise RequestFailed(f"{file} is not text in UTF-8.") from None


def _summary(row: dict[str, Any]) -> str:
    clock = f"its clock {'stands still at' if row['frozen'] else 'runs from'} {row['now']}"
    return f"{printable(row['organisation'])}, {row['users']:,} users (seed {row['seed']}); {clock}."


@world.command()
@with_server_options
def ls(server: Server) -> None:
    """List all worlds of the server."""
    rows = server.get("/worlds")["worlds"]
    if server.as_json:
        print_json(rows)
        return
    shown = [
        (
            row["apiKey"],
            row["organisation"],
            f"{row['users']:,}",
            row["seed"],
            f"{row['now']}{' (frozen)' if row['frozen'] else ''}",
            "at start" if row["root"] else "later",
        )
        for row in rows
    ]
    print_table(("API key", "Organisation", "Users", "Seed", "Clock", "Made"), shown, whole=("API key",))


@world.command()
@click.argument("keys", metavar="KEY...", nargs=-1, required=True)
@with_server_options
def rm(server: Server, keys: tuple[str, ...]) -> None:
    """Delete worlds that were made; their keys open nothing any more."""
    for key in keys:
        server.call("DELETE", f"/worlds/{quote(key, safe='')}")
        if not server.as_json:
            click.echo(f"{printable(key)} is deleted.")
    if server.as_json:
        print_json({"deleted": list(keys)})
