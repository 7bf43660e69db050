"""`mockserver trigger`: a webhook now, whatever the world is like."""

from __future__ import annotations

import json

import click

from mockserver.printable import printable
from mockserver.remote.server import Server, print_json, with_server_options


@click.command()
@click.argument("type", metavar="TYPE")
@click.option("--user", metavar="ID", help="Whom it is about. Without it: somebody whom it fits.")
@click.option("--duplicate", type=int, help="How many further times it is sent.")
@click.option("--tamper", type=click.Choice(("signature", "body")), help="Sent so that a careful receiver refuses it.")
@click.option("--delay", type=float, metavar="SECONDS", help="Of the world's clock, until it is sent.")
@click.option("--body", "bodies", is_flag=True, help="Print the body, too.")
@with_server_options
def trigger(
    server: Server,
    type: str,
    user: str | None,
    duplicate: int | None,
    tamper: str | None,
    delay: float | None,
    bodies: bool,
) -> None:
    """Send a webhook of a TYPE such as streak.lost, with a realistic body, to all endpoints that want it."""
    given = {"type": type, "userId": user, "duplicate": duplicate, "tamper": tamper, "delay": delay}
    sent = server.call("POST", "/webhooks/trigger", {name: value for name, value in given.items() if value is not None})
    if server.as_json:
        print_json(sent)
        return
    event, deliveries = sent["event"], sent["deliveries"]
    about = f" about {printable(event['userId'])}" if event["userId"] else ""
    click.echo(f"{event['type']}{about}, {event['time']}:")
    for row in deliveries:
        at = f" at {row['next']}" if delay else ""
        click.echo(f"  {row['id']} → {printable(row['url'])}{at}")
    if not deliveries:
        click.echo("  No endpoint wants it: add one with `mockserver serve --webhook URL` or POST /_mock/webhooks.")
    if bodies:
        click.echo(json.dumps(event["body"], indent=2))
