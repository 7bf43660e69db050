"""The report at the terminal: findings, a table of operations and parts, and coverage."""

from __future__ import annotations

import io
import textwrap
import time
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version

from rich.console import Console
from rich.table import Table
from rich.text import Text

from contract_tests.exchange import Exchange
from contract_tests.findings import Finding
from contract_tests.options import PARTS
from contract_tests.printable import printable
from contract_tests.report import script
from contract_tests.spec import Operation
from contract_tests.suite import Suite

WIDTH = 110
#: A longer script is not shown at the terminal.
SHOWN = 12
LEGEND = "✓ passed   ✗ failed   k only failures of the baseline   · not called"
MARKS = {"kept": "✓", "broken": "✗", "known": "k", "unseen": "·"}
STYLES = {"✓": "green", "✗": "bold red", "k": "yellow", "·": "dim"}


def describe(finding: Finding, suite: Suite) -> str:
    """One failure: rule, source, what happened, and the requests that repeat it."""
    lines = [
        f"✗ {printable(finding.rule)}",
        f"    source    {finding.source}",
        f"    found by  {finding.part} · {finding.test}",
    ]
    lines += [f"    field     {printable(finding.field)}"] if finding.field else []
    lines += _indented("    expected  ", finding.expected) if finding.expected else []
    lines += _indented("    got       ", finding.got)
    if finding.exchange:
        lines += [f"    request   {request(finding.exchange)}", f"    response  {response(finding.exchange)}"]
        lines += _repeat(finding, suite)
    count = suite.findings.counts.get(finding.key, 1)
    if count > 1:
        lines.append(f"    found     {count} times; this is the smallest request")
    return script.without_key("\n".join(lines), suite)


def request(exchange: Exchange) -> str:
    """The request that shows a finding, in one line."""
    operation = f" ({exchange.operation.id})" if exchange.operation else ""
    return printable(f"{exchange.method} {exchange.path}{operation}")


def response(exchange: Exchange, limit: int = 300) -> str:
    return f"{exchange.status} {_short(exchange.response_body, limit)}" if exchange.status else "none"


def _repeat(finding: Finding, suite: Suite) -> list[str]:
    """One line if that is enough, otherwise a short script; a long one is only in the other reports."""
    if not script.is_needed(finding):
        return [f"    repeat    {curl(finding, suite)}"]
    lines = script.script(finding, suite)
    if len(lines) > SHOWN:
        return [f"    repeat    {len(lines)} requests: the script is in the reports of --html and --bundle"]
    return [("    repeat    " if number == 0 else "              ") + line for number, line in enumerate(lines)]


def curl(finding: Finding, suite: Suite) -> str:
    """The request as a shell line; keys are variables."""
    assert finding.exchange is not None
    return finding.exchange.curl(script.variables(finding, suite))


def _indented(label: str, text: str) -> list[str]:
    first, *rest = [printable(line) for line in text.splitlines()] or [""]
    wrapped = [line for one in [first, *rest] for line in textwrap.wrap(one, WIDTH) or [""]]
    return [label + wrapped[0], *(" " * len(label) + line for line in wrapped[1:])]


def _short(content: bytes, limit: int) -> str:
    text = content.decode("utf-8", "replace")
    return printable(text if len(text) <= limit else text[:limit] + f"… ({len(content)} bytes)")


def result_of(suite: Suite, operation: Operation, part: str) -> str:
    """The result of an operation in a part: kept, broken, known or unseen."""
    found = [f for f in suite.findings if f.operation == operation.id and f.part == part]
    if found:
        return "known" if all(f.key in suite.known for f in found) else "broken"
    return "kept" if suite.coverage.requests[operation.id, part] else "unseen"


def table(suite: Suite) -> Table:
    """Operation × part × result, with coverage."""
    parts = [part for part in PARTS if part in suite.parts_run and part != "document"]
    grid = Table(title="Operations", title_justify="left", box=None, pad_edge=False)
    for name in ("operation", *parts, "requests", "parameters", "statuses", "fields"):
        grid.add_column(name, justify="left" if name == "operation" else "right")
    coverage = suite.coverage
    for operation in suite.spec.operations.values():
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


def settings_table(suite: Suite) -> Table:
    """The catalog's tables: how many of their settings were tried, and what was not."""
    grid = Table(title="Catalog settings", title_justify="left", box=None, pad_edge=False)
    for name in ("table", "tried", "not tried"):
        grid.add_column(name, justify="right" if name == "tried" else "left", overflow="fold")
    for table, rows in suite.coverage.settings.tables().items():
        tried = sum(bool(row.tried) for row in rows)
        missing = [row.name if not row.tried else f"{row.name} {', '.join(row.missing)}" for row in rows if row.lacks]
        grid.add_row(table or "the catalog itself", f"{tried}/{len(rows)}", "; ".join(missing))
    return grid


def summary(suite: Suite) -> str:
    """The whole report as text: findings in one line each, then in full, then coverage."""
    console = Console(file=io.StringIO(), width=WIDTH + 20, highlight=False)
    console.print()
    new = sorted(new_findings(suite), key=lambda finding: finding.operation)
    if len(new) > 1:
        wide = max(len(finding.operation) for finding in new)
        for finding in new:
            rule = textwrap.shorten(printable(finding.rule), WIDTH, placeholder=" …")
            console.print(f"✗ {finding.operation:{wide}}  {rule}", markup=False, soft_wrap=True)
        console.print()
    for finding in new:
        console.print(describe(finding, suite), markup=False, soft_wrap=True)
        console.print()
    if suite.target:
        console.print(table(suite))
        console.print(LEGEND, markup=False, soft_wrap=True)
        console.print()
        console.print(settings_table(suite))
        console.print()
    for line in closing(suite, new):
        console.print(line, markup=False, soft_wrap=True)
    file = console.file
    assert isinstance(file, io.StringIO)
    return file.getvalue()


def new_findings(suite: Suite) -> list[Finding]:
    """Findings that are not in the baseline."""
    return [finding for finding in suite.findings if finding.key not in suite.known]


def closing(suite: Suite, new: list[Finding]) -> list[str]:
    """The last lines: totals, parts, skips, notes, baseline."""
    lines = [f"covered    {totals(suite)}"] if suite.target else []
    for part in [part for part in PARTS if part in suite.outcomes]:
        row = suite.outcomes[part]
        lines.append(f"{part:10} " + ", ".join(f"{row[name]} {name}" for name in sorted(row)))
    for (operation, status), count in sorted(suite.noted.items()):
        lines.append(f"noted      {operation} returned {status} ({count}×), which the spec does not declare")
    reasons: dict[str, list[str]] = {}
    for test, reason in suite.skipped.items():
        reasons.setdefault(printable(reason), []).append(test)
    lines += [f"skipped    {len(tests)} × {reason}" for reason, tests in reasons.items()]
    known = len(suite.findings) - len(new)
    lines += [f"known      {known} failures of the baseline are still there"] if known else []
    lines += [f"vanished   {key}" for key in suite.vanished]
    lines += [f"stopped    {suite.unreachable}"] if suite.unreachable else []
    lines.append(f"run        {about(suite)}")
    lines.append(f"{verdict(suite, new)} · {where(suite)} · profile {suite.options.profile}, seed {suite.options.seed}")
    return lines


def verdict(suite: Suite, new: list[Finding]) -> str:
    if new:
        message = f"FAILED: {len(new)} finding{'s' if len(new) > 1 else ''}"
        return f"{message}, {suite.stopped}" if suite.stopped else message
    return f"INCOMPLETE: {suite.stopped}" if suite.stopped else "PASSED"


def where(suite: Suite) -> str:
    return suite.target.client.base_url if suite.target else "the spec"


def about(suite: Suite) -> str:
    """When it began, how long it took, and the versions of suite and spec."""
    began = datetime.fromtimestamp(suite.began, UTC)
    took = f"{time.time() - suite.began:.0f} s"
    spec = suite.spec.raw["info"].get("version", "without a version")
    return f"{began:%Y-%m-%d %H:%M:%S} UTC, {took}; suite {own_version()}, spec {spec}"


def own_version() -> str:
    try:
        return version("trophy-mockserver")
    except PackageNotFoundError:
        return "from a source tree"


def totals(suite: Suite) -> str:
    """Coverage over all operations."""
    operations = list(suite.spec.operations.values())
    coverage = suite.coverage
    shares = {
        "parameters": [coverage.share_of_parameters(o) for o in operations],
        "statuses": [coverage.share_of_statuses(o) for o in operations],
        "fields of responses": [coverage.share_of_fields(o) for o in operations],
    }
    words = [f"{coverage.share_of_operations()} operations"]
    words += [f"{sum(s.seen for s in rows)}/{sum(s.of for s in rows)} {name}" for name, rows in shares.items()]
    settings = coverage.settings.rows.values()
    words.append(f"{sum(bool(row.tried) for row in settings)}/{len(settings)} catalog settings")
    return ", ".join(words) + f", {sum(coverage.requests.values())} requests"
