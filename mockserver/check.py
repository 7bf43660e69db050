"""`mockserver check`: what is in the spec, where it contradicts itself, and what another version changes."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from mockserver.printable import printable
from mockserver.serve.spec_choice import gaps
from mockserver.spec import Spec, SpecError, load
from mockserver.spec.access import in_words, security_of
from mockserver.spec.comparison import Change, compare
from mockserver.spec.compiler import compiled_in_part, operations_of, read, webhooks_of
from mockserver.spec.contradictions import Contradiction, contradictions
from mockserver.spec.errata import Erratum, errata, unexplained

FINE, FAULTS = 0, 1
KEY = "X-API-KEY"  # what the mock itself asks for, whatever a spec says


class Unusable(click.ClickException):
    exit_code = 2


@click.command()
@click.argument("new", required=False, type=click.Path(path_type=Path, dir_okay=False))
@click.pass_context
def check(context: click.Context, new: Path | None) -> None:
    """Report on the spec that the server is made from, or compare it with another version.

    Without NEW: its operations, its webhooks, where it contradicts itself and what the server does there. The exit
    code is 0; 1 when fixtures/errata.toml has no row for a contradiction.

    With NEW: what was added, removed and changed, which of it breaks clients of the old spec, and what
    the server lacks to serve the new one. The exit code is 0; 1 when a change is breaking.

    The exit code is 2 when a spec cannot be used.
    """
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 160)
    try:
        spec = load()
        context.exit(_report(console, spec) if new is None else _comparison(console, spec, read(new)))
    except SpecError as error:
        raise Unusable(str(error)) from error


def _report(console: Console, spec: Spec) -> int:
    info = spec.raw["info"]
    title = (printable(f"{info['title']} {info['version']}"), "bold")
    console.print(Text.assemble("\n", title, f", OpenAPI {printable(spec.raw['openapi'])}: "), end="")
    console.print(f"{len(spec.operations)} operations, {len(spec.webhooks)} webhooks.\n")
    console.print(_operations(spec))
    console.print(_webhooks(spec))
    console.print(_additions(spec))
    found, rows = contradictions(spec.raw), errata()
    console.print(_contradictions(spec, found, rows))
    open_ones = unexplained(found, rows)
    for one in open_ones:
        console.print(Text.assemble(("Not explained in fixtures/errata.toml: ", "bold red"), f"{one.where} {one.said}"))
    for row in rows:
        if row.kind != "reading" and not row.since and not any(row.explains(one) for one in found):
            console.print(Text.assemble(("No longer found: ", "yellow"), f"{row.where} {row.spec}"))
    return FAULTS if open_ones else FINE


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", show_edge=False, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _operations(spec: Spec) -> Table:
    table = _table("Operations", "operation", "request", "responses", "in short")
    for path, method, _, declared in operations_of(spec.raw):
        statuses = " ".join(declared["responses"])
        table.add_row(*map(_cell, (declared["operationId"], f"{method.upper()} {path}", statuses)), _words(declared))
    return table


def _cell(text: str) -> Text:
    """What a spec says, as it is: nothing in it is markup, or steers a terminal."""
    return Text(printable(text))


def _webhooks(spec: Spec) -> Table:
    table = _table("\nWebhooks", "type", "in short")
    for kind, declared in webhooks_of(spec.raw):
        table.add_row(_cell(kind), _words(declared))
    return table


def _additions(spec: Spec) -> Table:
    table = _table(
        "\nAdditions: fields that newer official clients require", "schema", "field", "since", "the mock sends"
    )
    for row in spec.additions:
        table.add_row(*map(Text, (row.schema, row.field, row.since, row.why)))
    return table


def _words(declared: Mapping[str, Any]) -> Text:
    return _cell(declared.get("summary") or declared.get("description") or "")


def _contradictions(spec: Spec, found: list[Contradiction], rows: list[Erratum]) -> Table:
    table = _table("\nContradictions", "where", "what", "the spec", "the mock", "found")
    for row in (row for row in rows if not row.since):
        times = sum(one.times for one in found if row.explains(one))
        shown = "by reading" if row.kind == "reading" else f"{times} ×"
        place = place_in(spec.raw, row.where)
        table.add_row(*map(Text, (place, ", ".join(row.names), row.spec, row.mock, shown)))
    return table


def place_in(spec: Mapping[str, Any], pointer: str) -> str:
    """A pointer into the spec, readable: `LeaderboardResponse`, `GET /streaks, parameter userIds`."""
    steps = [step.replace("~1", "/").replace("~0", "~") for step in pointer.removeprefix("#/").split("/")]
    if steps[:2] == ["components", "schemas"]:
        return ".".join(step for step in steps[2:] if step not in ("properties", "allOf") and not step.isdigit())
    if steps[0] != "paths":
        return pointer
    request = f"{steps[2].upper()} {steps[1]}"
    if steps[3] != "parameters":
        return f"{request}, {' '.join(steps[3:])}"
    return f"{request}, parameter {spec['paths'][steps[1]][steps[2]]['parameters'][int(steps[4])]['name']}"


def _comparison(console: Console, old: Spec, new: dict[str, Any]) -> int:
    changes = compare(old.raw, new)
    versions = [spec["info"]["version"] for spec in (old.raw, new)]
    title = printable(f"{old.raw['info']['title']} {versions[0]} → {versions[1]}")
    console.print(Text.assemble("\n", (title, "bold"), f": {_count(changes)}\n"))
    if changes:
        console.print(_changes(changes))
    console.print()
    for line in _lacking(new):
        console.print(Text.assemble(("The mock lacks: ", "bold yellow"), printable(line)))
    return FAULTS if any(change.breaking for change in changes) else FINE


def _count(changes: list[Change]) -> str:
    breaking = sum(change.breaking for change in changes)
    return f"{len(changes)} changes, {breaking} of them breaking." if changes else "no changes."


def _changes(changes: list[Change]) -> Table:
    """One row per change, however many places share what was changed; those that break come first."""
    table = _table("Changes", "", "what", "where", "")
    colours = {"added": "green", "removed": "red", "changed": "yellow"}
    places: dict[tuple[bool, str, str], list[str]] = {}
    for change in sorted(changes, key=lambda one: not one.breaking):
        places.setdefault((change.breaking, change.kind, change.what), []).append(change.where)
    for (breaking, kind, what), where in places.items():
        verdict = Text("breaking" if breaking else "", "bold red")
        table.add_row(Text(kind, colours[kind]), _cell(what), _cell(", ".join(where)), verdict)
    return table


def _lacking(new: dict[str, Any]) -> list[str]:
    """What there is to do before the mock can serve the new spec."""
    lines = [f"entry by {ways}: it knows the header {KEY} only" for ways in _other_ways(new)]
    lines += [f"a row in errata.toml: {one.where} {one.said}" for one in unexplained(contradictions(new), errata())]
    try:
        found = list(gaps(compiled_in_part(new)))
    except SpecError as error:
        return [*lines, f"a way to serve this: {error}"]
    return [*lines, *(f"{gap.subject}: {gap.lacks}" for gap in found)]


def _other_ways(new: dict[str, Any]) -> list[str]:
    """What operations ask for, each kind once, where nobody is let in by the mock's key alone."""
    ways = [security_of(new, declared) for _, _, _, declared in operations_of(new)]
    return list(
        dict.fromkeys(in_words(one) for one in ways if all(way.keys() != {f"header {KEY}".lower()} for way in one))
    )
