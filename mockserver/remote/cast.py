"""`mockserver cast`: which user shows which state, as a table."""

from __future__ import annotations

import click

from mockserver.remote.server import Server, print_json, print_table, with_server_options


@click.command()
@with_server_options
def cast(server: Server) -> None:
    """Show who is in which state, of all that a front end must draw.

    Asks a server that runs, and prints for each state a user and the request that shows it.
    """
    rows = server.get("/cast")["cast"]
    if server.as_json:
        print_json(rows)
        return
    found = ("userId", "detail", "see")
    shown = [(row["meaning"], *((row[name] for name in found) if row["found"] else ("nobody", "", ""))) for row in rows]
    print_table(("State", "User", "What", "See"), shown, whole=("State", "User"))
