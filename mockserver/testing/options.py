"""Arguments of servers and worlds: catalogs in all their forms, and checks of options."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mockserver import catalogs
from mockserver.control.worlds import catalog_factory
from mockserver.serve.catalog_file import CatalogFile, find
from mockserver.serve.options import FITTING, LONGEST_HISTORY, fits_a_header
from mockserver.sockets import LONGEST_KEEP_ALIVE
from mockserver.webhooks.delivery import LONGEST_RETRY_DELAY, MOST_CONCURRENCY
from mockserver.worlds import CatalogFactory

# A file, the name of a catalog that comes with the server, the text of one in TOML, or one as data.
AnyCatalog = str | Path | Mapping[str, Any]


def catalog_to_serve(given: AnyCatalog) -> CatalogFactory:
    """For a server's own plan. Raises `CatalogError` when there is no such file, ValueError for what is no catalog."""
    if not isinstance(given, Mapping) and not _is_place(given):
        raise ValueError(f"catalog must be a file, a name, the text of a catalog or one as data, not {given!r}.")
    if isinstance(given, str) and "\n" in given:
        return catalog_factory(given)
    return catalog_factory(dict(given)) if isinstance(given, Mapping) else CatalogFile(find(str(given)))


def catalog_to_send(given: AnyCatalog) -> str | dict[str, Any]:
    """For the control plane, which knows names and texts but reads no files. Raises `CatalogError` as above."""
    if isinstance(given, Mapping):
        return dict(given)
    return catalogs.read(given) if isinstance(given, Path) or os.path.isfile(given) else given


def check_options(
    *,
    users: Any,
    history_days: Any,
    webhook_retry_delay: Any,
    webhook_concurrency: Any,
    keep_alive: Any,
    seed: Any,
    port: Any,
    host: Any,
    flags: Mapping[str, Any],
    headers: Mapping[str, Any],
    places: Mapping[str, Any],
) -> None:
    """ValueError for what `mockserver serve` would refuse, too; `headers`: what has to travel in one, by name;
    `places`: paths, by name, None where there is none."""
    _whole("users", users, 0)
    _whole("seed", seed)
    _whole("port", port, 0, 65535)
    if history_days is not None:
        _whole("history_days", history_days, 0, LONGEST_HISTORY)
    if not _is_number(webhook_retry_delay) or not 0 <= webhook_retry_delay <= LONGEST_RETRY_DELAY:  # nor nan
        most = f"{LONGEST_RETRY_DELAY:.0f}"
        raise ValueError(f"webhook_retry_delay must be from 0 to {most} seconds, not {webhook_retry_delay!r}.")
    _whole("webhook_concurrency", webhook_concurrency, 1, MOST_CONCURRENCY)
    if not _is_number(keep_alive) or not 0.1 <= keep_alive <= LONGEST_KEEP_ALIVE:
        most = f"{LONGEST_KEEP_ALIVE:.0f}"
        raise ValueError(f"keep_alive must be from 0.1 to {most} seconds, not {keep_alive!r}.")
    if not isinstance(host, str) or not host:
        raise ValueError(f"host must be a name or an address, not {host!r}.")
    for name, value in flags.items():
        if not isinstance(value, bool):
            raise ValueError(f"{name} must be True or False, not {value!r}.")
    _check_texts(headers, places)


def _check_texts(headers: Mapping[str, Any], places: Mapping[str, Any]) -> None:
    for name, text in headers.items():
        if text is not None and not (isinstance(text, str) and fits_a_header(text)):
            raise ValueError(f"{name} must be {FITTING}, not {text!r}.")
    for name, value in places.items():
        if value is not None and not _is_place(value):
            raise ValueError(f"{name} must be a path, not {value!r}.")


def _is_place(value: Any) -> bool:
    """Whether it can be the path of something: an empty text would be the working directory."""
    return isinstance(value, Path) or (isinstance(value, str) and value != "")


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _whole(name: str, value: Any, least: int | None = None, most: int | None = None) -> None:
    expected = "a whole number"
    if least is not None:
        expected += f", {least} or more" if most is None else f" from {least} to {most}"
    fits = isinstance(value, int) and not isinstance(value, bool)
    if not fits or (least is not None and value < least) or (most is not None and value > most):
        raise ValueError(f"{name} must be {expected}, not {value!r}.")


def check_amounts(amounts: Mapping[str, Any]) -> None:
    """ValueError unless all are finite numbers."""
    for name, amount in amounts.items():
        if not _is_number(amount) or not math.isfinite(amount):
            raise ValueError(f"{name} must be a finite number, not {amount!r}.")


def finite(body: Any, where: str = "") -> Any:
    """The body of a call as it is. ValueError for nan and infinity anywhere in it: JSON has no word for them, and they
    would be lost."""
    if isinstance(body, float) and not math.isfinite(body):
        raise ValueError(f"{where or 'The body'} must be a finite number, not {body!r}.")
    inner = body.items() if isinstance(body, Mapping) else enumerate(body) if isinstance(body, (list, tuple)) else ()
    for name, value in inner:
        finite(value, f"{where}.{name}" if where else str(name))
    return body
