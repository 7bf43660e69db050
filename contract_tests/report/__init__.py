"""Reports of a run: at the terminal, as an HTML page, as a bundle that can be replayed, as a baseline."""

from __future__ import annotations

from pathlib import Path

from contract_tests.report import baseline, bundle, html, outputs
from contract_tests.suite import Suite


def write_all(suite: Suite) -> None:
    """Write the files that the options name. Raises `CannotRun` when one cannot be written."""
    options = suite.options
    baseline.mark_known(suite)
    if options.update_baseline and options.baseline:
        _write("--baseline", options.baseline, baseline.text(suite))
    if options.html:
        _write("--html", options.html, html.page(suite))
    if options.bundle:
        _write("--bundle", options.bundle, bundle.text(suite))


def _write(name: str, path: Path, text: str) -> None:
    try:
        path.write_text(text, "utf-8")
    except OSError as error:
        raise outputs.cannot_write(name, path, error) from error
