"""One record of a log: a command that changed a world, as a small versioned JSON object."""

from __future__ import annotations

from typing import Any, NamedTuple

import orjson

VERSION = 1
RECIPE = "world"  # the first record of every log: how the world is made
CATALOG = "catalog_file"  # the file that the world's catalog came from says something else now
LOADED = "loaded"  # all before happened elsewhere: its webhooks are not sent from here
TIME = "time"  # shared worlds: what is due until then happens now
DELETED = "deleted"  # shared worlds: the end
TENANT = "tenant"  # a tenant's first request was one that only read: from then on its population is there

Row = tuple[str, int, bytes]  # the world's API key, the position in its log (from 1), the encoded record


class LogError(Exception):
    """What is kept cannot be read or written; the message is one readable sentence."""


class Conflict(LogError):
    """Somebody else has appended at this position."""


class Record(NamedTuple):
    """A command. `name`: an operationId, a call of the control plane, `RECIPE` or `TENANT`.

    `time`: the world's time in milliseconds UTC. `real`: the real time, of commands whose effect depends on it (they
    move a clock that runs). `arguments`: what the operation's function is called with; of a call of the control
    plane its `path` and `body`.
    """

    time: int
    name: str
    arguments: dict[str, Any]
    tenant: str | None = None
    real: int | None = None


def cannot_replay(record: Record, error: Exception) -> LogError:
    return LogError(f"{record.name} cannot be repeated ({type(error).__name__}: {error})")


def encode(record: Record) -> bytes:
    """One line of JSON."""
    shape: dict[str, Any] = {"v": VERSION, "time": record.time}
    if record.real is not None:
        shape["real"] = record.real
    if record.tenant is not None:
        shape["tenant"] = record.tenant
    shape["name"], shape["arguments"] = record.name, record.arguments
    return orjson.dumps(shape)


def decode(line: bytes | str) -> Record:
    """Raises `LogError` for what is no record, or one of a newer version."""
    try:
        shape = orjson.loads(line)
        version = shape["v"]
        if type(version) is int and version > VERSION:
            raise LogError(f"a record has version {version}, and this mockserver reads versions up to {VERSION}")
        record = Record(shape["time"], shape["name"], shape["arguments"], shape.get("tenant"), shape.get("real"))
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
        raise LogError("a record cannot be read: it is no JSON object with v, time, name and arguments") from None
    if not _is_sound(version, record):
        raise LogError("a record cannot be read: one of v, time, real, tenant, name and arguments has a wrong type")
    return record


def _is_sound(version: object, record: Record) -> bool:
    time, name, arguments, tenant, real = record
    return (
        type(version) is int
        and type(time) is int
        and type(name) is str
        and type(arguments) is dict
        and type(tenant) in (str, type(None))
        and type(real) in (int, type(None))
    )
