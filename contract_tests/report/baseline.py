"""Known failures: only new ones fail the run, and those that are gone are listed."""

from __future__ import annotations

import json

from contract_tests.options import Options
from contract_tests.suite import Suite
from contract_tests.target import CannotRun


def read(options: Options) -> set[str]:
    """The keys of the known failures; none where the file is still to be written. Raises `CannotRun`."""
    path = options.baseline
    if path is None or (options.update_baseline and not path.exists()):
        return set()
    if not path.exists():
        raise CannotRun(f"--baseline: there is no file {path}; --update-baseline writes it.")
    try:
        found = json.loads(path.read_text("utf-8"))
        return {str(row["key"]) for row in found["known"]}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CannotRun(f"{path} is not a baseline of this suite: {error}.") from error


def mark_known(suite: Suite) -> None:
    """Mark the known findings, and list those that are gone."""
    present = {finding.key for finding in suite.findings}
    for finding in suite.findings:
        finding.known = finding.key in suite.known
    suite.vanished = sorted(key for key in suite.known - present if key.split(" · ")[0] in suite.parts_run)


def text(suite: Suite) -> str:
    """The file with the failures of this run."""
    rows = [{"key": f.key, "rule": f.rule, "source": f.source} for f in suite.findings]
    rows.sort(key=lambda row: row["key"])
    return json.dumps({"known": rows}, indent=1, ensure_ascii=False) + "\n"
