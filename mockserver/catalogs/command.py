"""`mockserver catalog-schema`: what editors and `docs/catalog.md` know about catalogs."""

from __future__ import annotations

import json

import click
from click.shell_completion import CompletionItem

from mockserver.catalogs import BUNDLED


@click.command("catalog-schema")
@click.option(
    "--markdown", is_flag=True, help="Print the tables of fields in docs/catalog.md instead of the JSON Schema."
)
def catalog_schema(markdown: bool) -> None:
    """Print the JSON Schema of catalogs, for your editor.

    A catalog that begins with the line `#:schema ./catalog.schema.json` is then completed and checked as you type.
    """
    from mockserver.catalogs.reference import reference
    from mockserver.catalogs.schema import schema

    click.echo(reference() if markdown else json.dumps(schema(), indent=2, ensure_ascii=False))


def complete_catalog(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """For a shell: the catalogs that come with the package, and files where none of them begins so."""
    names = [CompletionItem(name) for name in BUNDLED if name.startswith(incomplete)]
    return names or [CompletionItem(incomplete, type="file")]
