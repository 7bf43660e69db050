"""The same server without what it has for logs: the other half of a comparison that shows what they cost in memory."""

from __future__ import annotations

import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# What an event passes because there may be a log, and how it would be without.
CUTS = {
    "app.py": (
        ("        if found is None or self.worlds.farm is not None:\n", "        if found is None:\n"),
        ("        return NOT_KEPT if organisation.recovering else organisation\n", "        return organisation\n"),
        (
            "        if batch is None or not batch.pending:\n",
            "        if True:\n",
        ),
        ("        batch = self.worlds.batch\n        if True", "        if True"),
        ("        if not kept:\n            response = NOT_KEPT\n", ""),
        (
            "        else:  # it may depend on records that are not written yet\n",
            "        else:\n            batch = self.worlds.batch\n",
        ),
    ),
    "transaction.py": (
        (
            "        if organisation.recorder is not None and game.world.journal.last != before:\n"
            "            _log(organisation, game, Record(game.now, name, arguments, tenant))\n",
            "",
        ),
        (
            "    if organisation.recorder is not None and (changed or is_new_tenant):\n"
            "        record = Record(game.now, name, arguments, tenant) "
            "if changed else Record(game.now, TENANT, {}, tenant)\n"
            "        _log(organisation, game, record, is_new_tenant=is_new_tenant)\n",
            "",
        ),
    ),
    "worlds.py": (
        ("        if self.shared and not applying.get():\n            return\n", ""),
        ("            if organisation.shared or organisation.recovering:\n                continue\n", ""),
    ),
}


def unlogged(to: Path) -> Path:
    """A copy of the project in that directory, to be put first on Python's path. RuntimeError when what is to be cut
    is not there any more."""
    shutil.copytree(ROOT / "mockserver", to / "mockserver", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("openapi.json", "fixtures", "contract_tests"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, to / name)
    for name, cuts in CUTS.items():
        file = to / "mockserver" / name
        text = file.read_text()
        for there, instead in cuts:
            if text.count(there) != 1:
                raise RuntimeError(f"{name} has changed: it does not hold once what is to be cut: {there.strip()}")
            text = text.replace(there, instead)
        file.write_text(text)
    return to
