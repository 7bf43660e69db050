"""The report as one HTML page that needs nothing else."""

from __future__ import annotations

from html import escape
from importlib.resources import files

from contract_tests.document import Operation
from contract_tests.findings import Finding
from contract_tests.options import PARTS
from contract_tests.report import terminal
from contract_tests.suite import Suite

#: So many findings are shown at length, the others when they are clicked.
OPEN = 5


def page(suite: Suite) -> str:
    """The whole page."""
    new = [finding for finding in suite.findings if finding.key not in suite.known]
    known = [finding for finding in suite.findings if finding.key in suite.known]
    verdict = f"Broken: {len(new)} findings" if new else "Kept"
    where = suite.target.client.base_url if suite.target else "the document"
    style = files("contract_tests.report").joinpath("page.css").read_text("utf-8")
    facts = "".join(f"<li>{escape(line)}</li>" for line in terminal.closing(suite, new)[:-1])
    return (
        "<!doctype html><html lang=en><meta charset=utf-8>"
        "<meta name=viewport content='width=device-width, initial-scale=1'>"
        f"<title>Contract: {escape(verdict)}</title><style>{style}</style>"
        f"<header class={'bad' if new else 'good'}><h1>{escape(verdict)}</h1>"
        f"<p>{escape(where)} · profile {escape(suite.options.profile)} · seed {suite.options.seed}</p></header><main>"
        f"{_section('Findings', new, suite)}{_section('Known findings', known, suite)}"
        f"<h2>Operations</h2>{_grid(suite)}<h2>The run</h2><ul class=run>{facts}</ul></main></html>\n"
    )


def _section(title: str, findings: list[Finding], suite: Suite) -> str:
    if not findings:
        return ""
    rows = (_finding(finding, suite, opened=number < OPEN) for number, finding in enumerate(findings))
    return f"<h2>{title}</h2>" + "".join(rows)


def _finding(finding: Finding, suite: Suite, *, opened: bool) -> str:
    rows = [("source", finding.source), ("found by", f"{finding.part} · {finding.test}"), ("got", finding.got)]
    if finding.exchange:
        answer = finding.exchange.answer.decode("utf-8", "replace")
        rows.append(("answer", f"{finding.exchange.status} {answer[:2000]}"))
        rows.append(("repeat", terminal.curl(finding, suite)))
    terms = "".join(f"<dt>{name}</dt><dd><pre>{escape(text)}</pre></dd>" for name, text in rows)
    where = f"<span class=op>{escape(finding.operation)}</span>" if finding.operation != "-" else ""
    tag = "<details open>" if opened else "<details>"
    return f"{tag}<summary>{escape(finding.rule)} {where}</summary><dl>{terms}</dl></details>"


def _grid(suite: Suite) -> str:
    parts = [part for part in PARTS if part in suite.parts_run and part != "document"]
    head = "".join(f"<th>{name}</th>" for name in ("operation", *parts, "parameters", "statuses", "fields seen"))
    rows = "".join(_row(suite, operation, parts) for operation in suite.document.operations.values())
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _row(suite: Suite, operation: Operation, parts: list[str]) -> str:
    cells = ""
    for part in parts:
        result = terminal.result_of(suite, operation, part)
        cells += f"<td class={result} title={result}>{terminal.MARKS[result]}</td>"
    coverage = suite.coverage
    for share in (coverage.share_of_parameters(operation), coverage.share_of_statuses(operation)):
        cells += f"<td title='{escape(', '.join(share.missing))}'>{share}</td>"
    fields = coverage.share_of_fields(operation)
    named = "".join(f"<li>{escape(name)}</li>" for name in fields.missing)
    listed = f"<details><summary>{fields}</summary><ul>{named}</ul></details>" if named else str(fields)
    return f"<tr><th>{escape(operation.id)}</th>{cells}<td>{listed}</td></tr>"
