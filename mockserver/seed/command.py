"""`mockserver people`: which user shows which state, as a table."""

from __future__ import annotations

import sys
from typing import Any

import click


class CannotAsk(click.ClickException):
    """One sentence, exit code 2."""

    exit_code = 2


@click.command()
@click.option(
    "--url",
    default="http://127.0.0.1:8080",
    show_default=True,
    envvar="MOCKSERVER_URL",
    show_envvar=True,
    help="Where the server is.",
)
@click.option(
    "--api-key",
    default="00000000.local",
    show_default=True,
    envvar="TROPHY_API_KEY",
    show_envvar=True,
    help="The key of the world to look at.",
)
@click.option("--tenant", metavar="ID", help="Whom to look at in a catalog with tenants.")
@click.option(
    "--control-token", envvar="MOCKSERVER_CONTROL_TOKEN", show_envvar=True, help="Where the server wants one."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")
def people(url: str, api_key: str, tenant: str | None, control_token: str | None, as_json: bool) -> None:
    """Show who is in which state, of all that a front end must draw.

    Asks a server that runs, and prints for each state a user and the request that shows it.
    """
    headers = {"X-API-KEY": api_key} | ({"Tenant-ID": tenant} if tenant else {})
    rows = _ask(url, headers | ({"X-Control-Token": control_token} if control_token else {}))
    if as_json:
        import json

        click.echo(json.dumps(rows, ensure_ascii=False, indent=2))
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for title in ("State", "User", "What", "See"):
        table.add_column(title, overflow="fold", no_wrap=title in ("State", "User"))
    for row in rows:
        if row["found"]:
            table.add_row(row["meaning"], row["userId"] or "–", row["detail"], row["see"])
        else:
            table.add_row(row["meaning"], "[dim]nobody[/dim]", "", "")
    Console(highlight=False, width=None if sys.stdout.isatty() else 160).print(table)


def _ask(url: str, headers: dict[str, str]) -> list[dict[str, Any]]:
    """Raises `CannotAsk`."""
    import httpx2

    base = url.rstrip("/").removesuffix("/v1")
    try:
        response = httpx2.get(f"{base}/_mock/cast", headers=headers, timeout=60)
        body = response.json()
    except (httpx2.HTTPError, httpx2.InvalidURL):
        raise CannotAsk(f"No server answers at {base}. Start one with `mockserver serve`, or give --url.") from None
    except ValueError:
        raise CannotAsk(f"What answers at {base} is not the mock server.") from None
    if response.status_code != 200:
        raise CannotAsk(str(body.get("error", response.status_code)))
    rows: list[dict[str, Any]] = body["cast"]
    return rows
