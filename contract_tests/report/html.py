"""The report as one HTML page without other files."""

from __future__ import annotations

from html import escape
from importlib.resources import files

from contract_tests.findings import Finding
from contract_tests.options import PARTS
from contract_tests.printable import printable
from contract_tests.report import script, terminal
from contract_tests.spec import Operation
from contract_tests.suite import Suite

#: This many findings are shown open, the others open with a click.
OPEN = 5
#: Characters of a response that are shown.
LONGEST = 2000
FILTER = (
    "<p class=tools><label>Show findings with "
    "<input id=filter type=search placeholder='operation, rule, field …'></label>"
    " <button type=button data-open=1>Open all</button> <button type=button>Close all</button></p>"
)
SCRIPT = """<script>
const findings = [...document.querySelectorAll("details.finding")];
document.querySelector("#filter")?.addEventListener("input", (event) => {
  const wanted = event.target.value.toLowerCase().split(/\\s+/);
  for (const one of findings) one.hidden = !wanted.every((word) => one.textContent.toLowerCase().includes(word));
});
for (const button of document.querySelectorAll(".tools button"))
  button.addEventListener("click", () => { for (const one of findings) one.open = Boolean(button.dataset.open); });
</script>"""


def page(suite: Suite) -> str:
    """The whole page."""
    new = sorted(terminal.new_findings(suite), key=lambda finding: finding.operation)
    known = [finding for finding in suite.findings if finding.key in suite.known]
    verdict, options = escape(terminal.verdict(suite, new)), suite.options
    style = files("contract_tests.report").joinpath("page.css").read_text("utf-8")
    facts = "".join(f"<li>{escape(line)}</li>" for line in terminal.closing(suite, new)[:-1])
    text = (
        "<!doctype html><html lang=en><meta charset=utf-8>"
        "<meta name=viewport content='width=device-width, initial-scale=1'>"
        f"<title>Contract: {verdict}</title><style>{style}</style>"
        f"<header class={'bad' if new or suite.stopped else 'good'}><h1>{verdict}</h1>"
        f"<p>{escape(terminal.where(suite))} · profile {escape(options.profile)} · seed {options.seed}</p>"
        f"<p>{escape(terminal.about(suite))}</p></header><main>{FILTER if new or known else ''}"
        f"{_section('Findings', new, suite)}{_section('Known findings', known, suite)}"
        f"<h2>Operations</h2>{_grid(suite)}<p class=legend>{escape(terminal.LEGEND)}</p>"
        f"<h2>Catalog settings</h2>{_settings(suite)}"
        f"<h2>The run</h2><ul class=run>{facts}</ul></main>{SCRIPT}</html>\n"
    )
    return script.without_key(text, suite)


def _section(title: str, findings: list[Finding], suite: Suite) -> str:
    if not findings:
        return ""
    rows = (_finding(finding, suite, opened=number < OPEN) for number, finding in enumerate(findings))
    return f"<h2>{title}</h2>" + "".join(rows)


def _finding(finding: Finding, suite: Suite, *, opened: bool) -> str:
    rows = [("source", finding.source), ("found by", f"{finding.part} · {finding.test}")]
    rows += [("field", finding.field)] if finding.field else []
    rows += [("expected", finding.expected)] if finding.expected else []
    rows.append(("got", finding.got))
    if finding.exchange:
        rows.append(("request", terminal.request(finding.exchange)))
        rows.append(("response", terminal.response(finding.exchange, LONGEST)))
        lines = script.script(finding, suite) if script.is_needed(finding) else [terminal.curl(finding, suite)]
        rows.append(("repeat", "\n".join(lines)))
    safe = {name: text if name == "repeat" else "\n".join(map(printable, text.splitlines())) for name, text in rows}
    terms = "".join(f"<dt>{name}</dt><dd><pre>{escape(text)}</pre></dd>" for name, text in safe.items())
    where = f"<span class=op>{escape(finding.operation)}</span>" if finding.operation != "-" else ""
    tag = "<details class=finding open>" if opened else "<details class=finding>"
    return f"{tag}<summary>{escape(printable(finding.rule))} {where}</summary><dl>{terms}</dl></details>"


def _grid(suite: Suite) -> str:
    parts = [part for part in PARTS if part in suite.parts_run and part != "document"]
    head = "".join(f"<th>{name}</th>" for name in ("operation", *parts, "parameters", "statuses", "fields seen"))
    rows = "".join(_row(suite, operation, parts) for operation in suite.spec.operations.values())
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


def _settings(suite: Suite) -> str:
    """Every setting of a catalog with the values that were tried."""
    head = "<thead><tr><th>setting</th><th>tried</th><th>not tried</th></tr></thead>"
    rows = ""
    for row in suite.coverage.settings.rows.values():
        mark = "unseen" if not row.tried else "kept"
        cells = f"<td class={mark}>{escape(printable(row.values))}</td><td>{escape(', '.join(row.missing))}</td>"
        rows += f"<tr><th>{escape(row.path)}</th>{cells}</tr>"
    return f"<table class=settings>{head}<tbody>{rows}</tbody></table>"
