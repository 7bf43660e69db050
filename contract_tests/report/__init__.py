"""What a run tells: at the terminal, in one HTML page, in a bundle that can be replayed, in a baseline."""

from __future__ import annotations

from contract_tests.report import baseline, bundle, html
from contract_tests.suite import Suite


def write_all(suite: Suite) -> None:
    """The files that the options ask for."""
    options = suite.options
    baseline.settle(suite)
    if options.html:
        options.html.write_text(html.page(suite), "utf-8")
    if options.bundle:
        bundle.write(suite, options.bundle)
