"""Every call of the admin API in one table: its path, its function, what it takes and what it returns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from mockserver.admin import events, lists, streaks, tenants
from mockserver.admin import schemas as s

Function = Callable[..., Any]


class Row(NamedTuple):
    """`function` has the name of the call; `response` and `body` are schemas, `query` schemas by parameter.

    Several `statuses`: 201 says that something was made, 200 that nothing was.
    """

    method: str
    path: str
    function: Function
    response: s.Schema
    query: Mapping[str, s.Schema] = {}
    body: s.Schema | None = None
    statuses: tuple[int, ...] = (200,)
    may_lack: bool = False  # something that the path or the body names may not be there: 404

    @property
    def name(self) -> str:
        """What the call is called in the request log, among faults and in the log of commands."""
        return self.function.__name__


def _listed(path: str, collection: lists.Collection, item: s.Schema) -> tuple[Row, Row]:
    """A list and one of its items by id."""
    within = path.startswith("/points/")
    return (
        Row("GET", path, collection.list, s.many(item), query=s.PAGE, may_lack=within),
        Row("GET", f"{path}/{{id}}", collection.get, item, may_lack=True),
    )


MADE = (200, 201)

ROWS: tuple[Row, ...] = (
    *_listed("/attributes", lists.ATTRIBUTES, s.ATTRIBUTE),
    *_listed("/metrics", lists.METRICS, s.METRIC),
    Row(
        "POST",
        "/metrics/events",
        events.admin_metrics_batch_events,
        s.ACCEPTED,
        body=s.EVENTS,
        statuses=(202,),
        may_lack=True,
    ),
    *_listed("/achievements", lists.ACHIEVEMENTS, s.ACHIEVEMENT),
    *_listed("/points", lists.SYSTEMS, s.SYSTEM),
    *_listed("/points/{systemId}/levels", lists.LEVELS, s.LEVEL),
    *_listed("/points/{systemId}/boosts", lists.BOOSTS, s.BOOST),
    *_listed("/points/{systemId}/triggers", lists.TRIGGERS, s.TRIGGER),
    *_listed("/leaderboards", lists.BOARDS, s.BOARD),
    Row(
        "POST",
        "/streaks/freezes",
        streaks.admin_streaks_freezes,
        s.GRANTED,
        body=s.FREEZES,
        statuses=MADE,
    ),
    Row("POST", "/streaks/restore", streaks.admin_streaks_restore, s.RESTORED, body=s.USERS, statuses=MADE),
    Row("POST", "/streaks/reset", streaks.admin_streaks_reset, s.RESET, body=s.USERS),
    Row("POST", "/streaks/pauses", streaks.admin_streaks_pauses_create, s.PLANNED, body=s.PAUSES, statuses=MADE),
    Row("DELETE", "/streaks/pauses", streaks.admin_streaks_pauses_delete, s.DELETED, query=s.IDS),
    Row("GET", "/tenants", tenants.admin_tenants_list, s.many(s.TENANT), query=s.PAGE),
    Row("GET", "/tenants/{id}", tenants.admin_tenants_get, s.TENANT, may_lack=True),
)

NAMES = tuple(row.name for row in ROWS)
FUNCTIONS = {row.name: row.function for row in ROWS}
