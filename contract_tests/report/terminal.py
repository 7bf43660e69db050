"""The report at the terminal: what is wrong, operation by part, and how much was covered."""

from __future__ import annotations

import io
import textwrap

from rich.console import Console
from rich.table import Table
from rich.text import Text

from contract_tests.document import Operation
from contract_tests.findings import Finding
from contract_tests.options import PARTS
from contract_tests.printable import printable
from contract_tests.suite import Suite

WIDTH = 110
MARKS = {"kept": "✓", "broken": "✗", "known": "k", "unseen": "·"}
STYLES = {"✓": "green", "✗": "bold red", "k": "yellow", "·": "dim"}


def describe(finding: Finding, suite: Suite) -> str:
    """One failure: expectation, source, what happened, and the request that repeats it."""
    lines = [
        f"✗ {printable(finding.rule)}",
        f"    source    {finding.source}",
        f"    found by  {finding.part} · {finding.test}",
    ]
    lines += _indented("    got       ", finding.got)
    if finding.exchange:
        lines.append(f"    answer    {finding.exchange.status} {_short(finding.exchange.answer)}")
        lines.append(f"    repeat    {curl(finding, suite)}")
    count = suite.findings.counts.get(finding.key, 1)
    if count > 1:
        lines.append(f"    met       {count} times; this is the smallest request")
    return "\n".join(lines)


def curl(finding: Finding, suite: Suite) -> str:
    """The request as a shell line; keys are shown only for targets on this machine."""
    assert finding.exchange is not None
    return finding.exchange.curl(show_key=bool(suite.target and suite.target.local))


def _indented(label: str, text: str) -> list[str]:
    first, *rest = [printable(line) for line in text.splitlines()] or [""]
    wrapped = [line for one in [first, *rest] for line in textwrap.wrap(one, WIDTH) or [""]]
    return [label + wrapped[0], *(" " * len(label) + line for line in wrapped[1:])]


def _short(content: bytes, limit: int = 300) -> str:
    text = content.decode("utf-8", "replace")
    return printable(text if len(text) <= limit else text[:limit] + f"… ({len(content)} bytes)")


def result_of(suite: Suite, operation: Operation, part: str) -> str:
    """How an operation did in a part: kept, broken, known or unseen."""
    found = [f for f in suite.findings if f.operation == operation.id and f.part == part]
    if found:
        return "known" if all(f.key in suite.known for f in found) else "broken"
    return "kept" if suite.coverage.requests[operation.id, part] else "unseen"


def table(suite: Suite) -> Table:
    """Operation × part × result, with what was covered."""
    parts = [part for part in PARTS if part in suite.parts_run and part != "document"]
    grid = Table(title="Operations", title_justify="left", box=None, pad_edge=False)
    for name in ("operation", *parts, "requests", "parameters", "statuses", "fields"):
        grid.add_column(name, justify="left" if name == "operation" else "right")
    coverage = suite.coverage
    for operation in suite.document.operations.values():
        marks = [MARKS[result_of(suite, operation, part)] for part in parts]
        grid.add_row(
            operation.id,
            *(Text(mark, style=STYLES[mark]) for mark in marks),
            str(sum(n for (name, _), n in coverage.requests.items() if name == operation.id)),
            str(coverage.share_of_parameters(operation)),
            str(coverage.share_of_statuses(operation)),
            str(coverage.share_of_fields(operation)),
        )
    return grid


def summary(suite: Suite) -> str:
    """All of it, as text."""
    console = Console(file=io.StringIO(), width=WIDTH + 20, highlight=False)
    console.print()
    new = [finding for finding in suite.findings if finding.key not in suite.known]
    for finding in new:
        console.print(describe(finding, suite), markup=False, soft_wrap=True)
        console.print()
    if suite.target:
        console.print(table(suite))
        console.print()
    for line in closing(suite, new):
        console.print(line, markup=False, soft_wrap=True)
    file = console.file
    assert isinstance(file, io.StringIO)
    return file.getvalue()


def closing(suite: Suite, new: list[Finding]) -> list[str]:
    """The last lines: totals, parts, skips, notes, baseline."""
    lines = [f"covered    {totals(suite)}"] if suite.target else []
    for part in [part for part in PARTS if part in suite.outcomes]:
        row = suite.outcomes[part]
        lines.append(f"{part:10} " + ", ".join(f"{row[name]} {name}" for name in sorted(row)))
    for (operation, status), count in sorted(suite.noted.items()):
        lines.append(f"noted      {operation} answered {status} ({count}×), which the document does not declare")
    reasons: dict[str, list[str]] = {}
    for test, reason in suite.skipped.items():
        reasons.setdefault(reason, []).append(test)
    lines += [f"skipped    {len(tests)} × {reason}" for reason, tests in reasons.items()]
    known = len(suite.findings) - len(new)
    lines += [f"known      {known} failures of the baseline are still there"] if known else []
    lines += [f"vanished   {key}" for key in suite.vanished]
    where = suite.target.client.base_url if suite.target else "the document"
    verdict = f"BROKEN: {len(new)} findings" if new else "KEPT"
    lines.append(f"{verdict} · {where} · profile {suite.options.profile}, seed {suite.options.seed}")
    return lines


def totals(suite: Suite) -> str:
    """Coverage over all operations."""
    operations = list(suite.document.operations.values())
    coverage = suite.coverage
    shares = {
        "parameters": [coverage.share_of_parameters(o) for o in operations],
        "statuses": [coverage.share_of_statuses(o) for o in operations],
        "fields of answers": [coverage.share_of_fields(o) for o in operations],
    }
    words = [f"{coverage.share_of_operations()} operations"]
    words += [f"{sum(s.seen for s in rows)}/{sum(s.of for s in rows)} {name}" for name, rows in shares.items()]
    return ", ".join(words) + f", {sum(coverage.requests.values())} requests"
