"""What servers and worlds are told when they are made: catalogs in all their forms, and options that make no sense."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mockserver import catalogs
from mockserver.control.worlds import catalog_on
from mockserver.serve.catalog_file import CatalogFile, find
from mockserver.serve.command import FITTING, LONGEST_HISTORY, fits_a_header
from mockserver.webhooks.delivery import LONGEST_RETRY_DELAY
from mockserver.worlds import CatalogOn

# A file, the name of a catalog that comes with the server, the text of one in TOML, or one as data.
AnyCatalog = str | Path | Mapping[str, Any]


def catalog_to_serve(given: AnyCatalog) -> CatalogOn:
    """For a server's own plan. Raises `CatalogError` when there is no such file."""
    if isinstance(given, str) and "\n" in given:
        return catalog_on(given)
    return catalog_on(dict(given)) if isinstance(given, Mapping) else CatalogFile(find(str(given)))


def catalog_to_send(given: AnyCatalog) -> str | dict[str, Any]:
    """For the control plane, which knows names and texts but reads no files. Raises `CatalogError` as above."""
    if isinstance(given, Mapping):
        return dict(given)
    return catalogs.read(given) if isinstance(given, Path) or os.path.isfile(given) else given


def check_options(*, users: int, history_days: int | None, webhook_retry_delay: float, **headers: str | None) -> None:
    """ValueError for what `mockserver serve` would refuse, too; `headers`: what has to travel in one, by name."""
    if users < 0:
        raise ValueError(f"users must be 0 or more, not {users!r}.")
    if history_days is not None and not 0 <= history_days <= LONGEST_HISTORY:
        raise ValueError(f"history_days must be from 0 to {LONGEST_HISTORY}, not {history_days!r}.")
    if not 0 <= webhook_retry_delay <= LONGEST_RETRY_DELAY:  # not true of nan either
        most = f"{LONGEST_RETRY_DELAY:.0f}"
        raise ValueError(f"webhook_retry_delay must be from 0 to {most} seconds, not {webhook_retry_delay!r}.")
    for name, text in headers.items():
        if text is not None and not fits_a_header(text):
            raise ValueError(f"{name} must be {FITTING}, not {text!r}.")
