"""What there are examples of, as a table."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from mockserver.examples.batch import REQUEST, WEBHOOK, Batch
from mockserver.spec import Spec


def show(batch: Batch, spec: Spec) -> None:
    """Every operation with its request and statuses, every webhook, and which catalog they are taken from."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("Name", "What", "Taken from"):
        table.add_column(heading, no_wrap=True)
    for name, operation in spec.operations.items():
        what = " ".join([REQUEST, *map(str, operation.checks)])
        table.add_row(name, what, _source(batch, name, REQUEST))
    for kind in spec.webhooks:
        table.add_row(kind, WEBHOOK, _source(batch, kind, WEBHOOK))
    Console().print(table)


def _source(batch: Batch, name: str, part: str) -> str:
    examples = batch[name, part]
    if not examples:
        return "nothing in this world"
    return "the default catalog" if examples[0].lacking else "this catalog"
