"""`mockserver keep`: what is in a directory of kept worlds, and how to move it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click
import orjson

from mockserver.control.loading import LoadedLog
from mockserver.files import write_whole
from mockserver.game.periods import iso
from mockserver.keep.cluster import ClusterWorlds, is_cluster
from mockserver.log.record import LOADED, RECIPE, LogError, Record, decode, encode
from mockserver.log.sqlite import SqliteStore
from mockserver.log.text import parse_lines, read
from mockserver.printable import printable

F = TypeVar("F", bound=Callable[..., Any])


class CannotKeep(click.ClickException):
    """One sentence, exit code 2."""

    exit_code = 2


@contextmanager
def opened(directory: str) -> Iterator[SqliteStore]:
    """What is kept there, to be changed."""
    with errors_reported():
        if is_cluster(directory):
            raise LogError(
                f"{directory} is a cluster: start a server with --log {directory} --load FILE, or POST a world to it"
            )
        with closing(SqliteStore(directory)) as store:
            yield store


@contextmanager
def opened_for_reading(where: str) -> Iterator[SqliteStore | ClusterWorlds]:
    """What is kept there, for reading also while servers use it."""
    with errors_reported():
        store = ClusterWorlds(where) if is_cluster(where) else SqliteStore(where, read_only=True)
        with closing(store):
            yield store


@contextmanager
def errors_reported() -> Iterator[None]:
    """A `LogError` becomes one sentence and exit code 2."""
    try:
        yield
    except LogError as error:
        raise CannotKeep(f"{error}.") from None


def world_of(store: SqliteStore | ClusterWorlds, key: str | None) -> str:
    """The key itself, or the only one that there is."""
    known = store.worlds()
    if key is None and len(known) == 1:
        return known[0]
    if key in known:
        return str(key)
    there = f"(there are: {', '.join(known) or 'none'})"
    raise LogError(f"say which world: --key KEY {there}" if key is None else f"no world has the key {key} {there}")


directory = click.argument("directory", metavar="DIR", type=click.Path(file_okay=False))
where = click.argument("where", metavar="DIR|URL,URL", type=click.Path(file_okay=False))
key = click.option("--key", metavar="KEY", help="The world's API key; not needed where there is one world.")


@click.group()
def keep() -> None:
    """List, show, export and import the worlds in a directory of `serve --keep`, or in a cluster of `serve --log`."""


@keep.command()
@where
def ls(where: str) -> None:
    """List the worlds of a directory or a cluster: how they were made, and how many records they have."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    with opened_for_reading(where) as store:
        table = Table(box=None, pad_edge=False)
        for name in ("API key", "Seed", "Users", "Records", "Checkpoint", "Last command"):
            table.add_column(name, justify="left" if name in ("API key", "Last command") else "right", no_wrap=True)
        for name in store.worlds():
            length, saved = store.length(name), store.checkpoint(name)
            recipe = decode(next(store.read(name))[1])
            newest = decode(next(store.read(name, length - 1))[1])
            row = (recipe.arguments["seed"], recipe.arguments["users"], length, saved.position if saved else "")
            table.add_row(
                Text(name), *(f"{cell:,}" if isinstance(cell, int) else cell for cell in row), iso(newest.time)
            )
        Console(width=None if sys.stdout.isatty() else 120).print(table)


@keep.command()
@where
@key
@click.option("--last", metavar="N", type=click.IntRange(1), help="Only the newest N records.")
def show(where: str, key: str | None, last: int | None) -> None:
    """Show the commands of a world, a line for each record: position, time, tenant, command, arguments."""
    with opened_for_reading(where) as store:
        world = world_of(store, key)
        after = max(0, store.length(world) - last) if last else 0
        for position, line in store.read(world, after):
            click.echo(_shown(position, decode(line)))


def _shown(position: int, record: Record) -> str:
    arguments = {name: value for name, value in record.arguments.items() if value is not None}
    if record.name == RECIPE:
        arguments["catalog"] = "…"
    tenant = f" [{record.tenant}]" if record.tenant else ""
    text = orjson.dumps(arguments).decode()
    text = f"{text[:199]}…" if len(text) > 200 else text
    return printable(f"{position:>6}  {iso(record.time)}{tenant}  {record.name} {text}")


@keep.command()
@where
@key
@click.option("--out", metavar="FILE", type=click.Path(dir_okay=False), help="Where to. Without it: standard output.")
def export(where: str, key: str | None, out: str | None) -> None:
    """Write a world as text, one record a line (JSONL), for `keep import`, `serve --load` and POST /_mock/worlds."""
    with opened_for_reading(where) as store:
        lines = (line + b"\n" for _, line in store.read(world_of(store, key)))
        if out is None:
            sys.stdout.buffer.writelines(lines)
            return
        try:
            write_whole(Path(out), lines, new=True)
        except FileExistsError:
            raise LogError(f"{out} is there already") from None
        except OSError as error:
            raise LogError(f"{out} cannot be written: {error.strerror}") from None


@keep.command(name="import")
@directory
@click.argument("file", type=click.Path(dir_okay=False))
@click.option("--key", metavar="KEY", help="The API key that opens it. Without it: the one that it had.")
def import_(directory: str, file: str, key: str | None) -> None:
    """Import a world that `keep export` wrote (`-`: standard input). Its webhooks of before are not sent again."""
    with opened(directory) as store:
        lines = sys.stdin.buffer.read().splitlines() if file == "-" else None
        records = read(file) if lines is None else parse_lines(lines, "standard input")
        recipe = decode(records[0])
        recipe = recipe._replace(arguments=recipe.arguments | {"made": 0, "fromFile": False})
        records[0] = encode(recipe)
        log = LoadedLog(records)
        world = log.recipe.key if key is None else key
        if not (world and world.isascii() and world.isprintable() and world == world.strip()):
            raise LogError(f"{world!r} cannot be an API key: it must be printable ASCII without spaces around it")
        if world in store.worlds():
            raise LogError(f"{directory} holds a world of the key {world} already")
        log.organisation(world, None)  # whose catalog can be used, too: no server could start with it otherwise
        newest = decode(records[-1])
        records.append(encode(Record(newest.time, LOADED, {}, real=newest.real or recipe.real)))
        store.append([(world, position, record) for position, record in enumerate(records, 1)])
        click.echo(f"{len(records):,} records: the world of the key {world} is kept in {directory}.")


@keep.command()
@directory
def compact(directory: str) -> None:
    """Free the space of what is no longer needed."""
    with opened(directory) as store:
        before = store.size
        store.compact()
        click.echo(f"{store.file}: {before:,} bytes before, {store.size:,} bytes now.")
