"""Every response of a test run is checked against the spec as a whole, even if its parts were checked before."""

import os
import subprocess
import sys

import pytest
from forked import Popen

from mockserver.spec import operation

os.environ["MOCKSERVER_CHECK_EVERYTHING"] = "1"  # for servers in processes of their own
operation.CHECK_EVERYTHING = True

# Hundreds of processes would each compile everything anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

if sys.platform == "linux":
    subprocess.Popen = Popen  # type: ignore[misc]


#: Those that take longest: they come first, so that the end of a run waits for none of them.
LONG = (
    "test_readme.py",
    "test_contract.py",
    "test_farm.py",
    "test_contract_blame.py",
    "test_ui_browser.py",
    "test_contract_catalogs.py",
    "test_wheel.py",
    "test_clients.py",
    "test_javascript.py",
    "test_contract_targets.py",
)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One more than there are processors: tests wait for servers, too."""
    return (os.cpu_count() or 1) + 1


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Each worker begins with its part of the long ones: `--dist worksteal` gives each an equal stretch of the list."""
    workers = getattr(config, "workerinput", {}).get("workercount", 0)
    parts = [[one for one in items if one.path.name in LONG[worker::workers]] for worker in range(workers)]
    rest, share = [one for one in items if one.path.name not in LONG], len(items) // max(1, workers)
    if not workers:
        return
    items.clear()
    for part in parts:
        more = max(0, share - len(part)) if part is not parts[-1] else len(rest)
        items += sorted(part, key=lambda one: LONG.index(one.path.name)) + rest[:more]
        del rest[:more]
