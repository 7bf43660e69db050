"""`mockserver example`: one example, or all of them, on the screen or in files."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryFile

import click
from click.shell_completion import CompletionItem

from mockserver import catalogs
from mockserver.catalogs import CatalogError
from mockserver.catalogs.command import complete_catalog
from mockserver.examples.batch import REQUEST, WEBHOOK, Batch, Example, make
from mockserver.examples.writing import FORMATS, write
from mockserver.files import write_whole
from mockserver.serve.catalog_file import CatalogFile, find
from mockserver.serve.command import Moment
from mockserver.spec import Spec, load


class NoCatalog(click.ClickException):
    """The catalog cannot be read: exit code 2."""

    exit_code = 2


STANDING = "2026-01-15T12:00:00Z"


def complete_name(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """For a shell: the operations and types of webhooks that begin so."""
    spec = load()
    names = [*spec.operations, *spec.webhooks]
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]


@click.command()
@click.argument("name", required=False, shell_complete=complete_name)
@click.option("--request", "request", is_flag=True, help="The request instead of the response.")
@click.option(
    "--status", type=int, metavar="CODE", help="The response with this status. Without it: the successful one."
)
@click.option(
    "--count", default=1, show_default=True, type=click.IntRange(1, 1000), help="How many, each of another user."
)
@click.option("--seed", default=1, show_default=True, help="The number from which users and history follow.")
@click.option(
    "--catalog",
    default="catalog",
    show_default="a writing app",
    metavar="FILE",
    shell_complete=complete_catalog,
    help="What the organisation has set up: a TOML file, or one that comes with the server by its name: "
    "fitness, study, reading, savings.",
)
@click.option("--now", type=Moment(), default=STANDING, show_default=True, help="Where the clock stands.")
@click.option(
    "--format",
    "form",
    default="json",
    show_default=True,
    type=click.Choice(list(FORMATS)),
    help="As data, or as something to send.",
)
@click.option("--all", "everything", is_flag=True, help="All requests, responses and webhooks, in files.")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), metavar="DIR", help="Where --all writes them.")
@click.option("--list", "listing", is_flag=True, help="Show what there is.")
def example(
    name: str | None,
    request: bool,
    status: int | None,
    count: int,
    seed: int,
    catalog: str,
    now: int,
    form: str,
    everything: bool,
    out: Path | None,
    listing: bool,
) -> None:
    """Print realistic requests, responses and webhooks.

    NAME is an operation, such as users_get, or a type of webhook, such as streak.lost. The examples come from
    a seeded world of its own whose clock shows --now: what is printed is what the server sends there. All examples
    of one seed fit together.
    """
    if (name is not None) + everything + listing != 1:
        raise click.UsageError("Give the NAME of an operation or webhook, or --all --out DIR, or --list.")
    if everything != (out is not None):
        raise click.UsageError("--all and --out DIR go together.")
    if not name and (request or status is not None):
        raise click.UsageError("--request and --status go with a NAME.")
    spec = load()
    part = part_of(spec, name, request, status) if name else ""
    if out is not None:
        check_folder(out)
    batch = make_batch(spec, catalog, seed, now, count, name)
    if listing:
        from mockserver.examples.listing import show

        show(batch, spec)
    elif out is not None:
        try:
            click.echo(f"{save(batch, out, form, spec)} files in {out}", err=True)
        except OSError as error:
            raise cannot_write(out, error) from None
    elif name is not None:
        click.echo(write(checked(batch[name, part], name, part, count), form, spec), nl=False)


def check_folder(folder: Path) -> None:
    """Makes the folder and opens a file in it, before users are seeded for files that cannot be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise cannot_write(folder, error) from None


def cannot_write(folder: Path, error: OSError) -> click.UsageError:
    return click.UsageError(f"--out: {error.filename or folder} cannot be written: {error.strerror}.")


def part_of(spec: Spec, name: str, request: bool, status: int | None) -> str:
    """Which part of that operation or webhook is meant. BadParameter names the nearest when there is none."""
    if name in spec.webhooks:
        if request or status is not None:
            raise click.UsageError(f"{name} is a webhook: it has neither --request nor --status.")
        return WEBHOOK
    operation = spec.operations.get(name)
    if operation is None:
        raise click.BadParameter(unknown(name, [*spec.operations, *spec.webhooks]), param_hint="NAME")
    if request and status is not None:
        raise click.UsageError("--request and --status exclude each other.")
    if status is not None and status not in operation.checks:
        declared = ", ".join(map(str, operation.checks))
        raise click.BadParameter(f"{name} does not declare {status}, only {declared}.", param_hint="--status")
    return REQUEST if request else str(status or operation.success)


def unknown(name: str, names: list[str]) -> str:
    """The sentence for a wrong name, with the nearest ones; `users.get` and `usersGet` are near, too."""
    from difflib import get_close_matches

    plain = {"".join(filter(str.isalnum, known)).lower(): known for known in names}
    close = get_close_matches("".join(filter(str.isalnum, name)).lower(), plain, n=3)
    hint = f"Did you mean {' or '.join(plain[word] for word in close)}?" if close else "See mockserver example --list."
    return f"{name!r} is neither an operation nor a webhook. {hint}"


def make_batch(spec: Spec, catalog: str, seed: int, now: int, count: int, name: str | None) -> Batch:
    """The batch of that catalog, or what is in it of that name. NoCatalog when it cannot be read."""
    path, default = find(catalog), catalogs.fixture("catalog")
    try:
        file = CatalogFile(path)
        fallback = None if path.resolve() == default.resolve() else CatalogFile(default)
        return make(spec, file, fallback, seed=seed, now=now, count=count, name=name)
    except CatalogError as error:
        raise NoCatalog(str(error)) from None


def checked(examples: list[Example], name: str, part: str, count: int) -> list[Example]:
    """The examples, after a word on standard error about what is not as asked for."""
    if not examples:
        raise click.ClickException(f"Nothing in this world leads to {name} ({part}); try another --seed or --now.")
    if examples[0].lacking:
        click.echo(f"The catalog has nothing for {name}: this is taken from the default one.", err=True)
    if len(examples) < count:
        click.echo(f"Only {len(examples)} of {name}: no more have come about in this world.", err=True)
    return examples


def save(batch: Batch, folder: Path, form: str, spec: Spec) -> int:
    """Writes every example into a file of its own; further ones of the same kind are numbered. How many files."""
    folder.mkdir(parents=True, exist_ok=True)
    count = 0
    for examples in batch.values():
        for number, row in enumerate(examples, 1):
            suffix = "" if number == 1 else f".{number}"
            text = write([row], form, spec)
            write_whole(folder / f"{row.file}{suffix}.{FORMATS[form]}", [text.encode()])
            count += 1
    return count
