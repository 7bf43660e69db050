"""What each call of the control plane takes and returns, in words and schemas: one entry for each row of the table.

The OpenAPI document and the tables of docs/control.md are made from it; tests hold it against the calls themselves.
"""

from __future__ import annotations

from typing import NamedTuple, get_args

from mockserver.control import schemas as s
from mockserver.control.clock import LONGEST_MOVE, UNITS
from mockserver.control.facts import GREATEST_LIMIT, KINDS
from mockserver.control.request_log import KEPT
from mockserver.control.users import GREATEST_PAGE, SORTS
from mockserver.control.worlds import LONGEST_HISTORY, MOST_USERS
from mockserver.webhooks.bodies import KINDS as TYPES
from mockserver.webhooks.delivery import CONCURRENCY, MOST_CONCURRENCY, State
from mockserver.webhooks.inputs import LONGEST_DELAY, MOST_DUPLICATES
from mockserver.webhooks.outbox import KEPT as KEPT_EVENTS


class Param(NamedTuple):
    """One parameter of the query, or one field of the body. `says` is Markdown."""

    name: str
    schema: s.Schema
    says: str
    required: bool = False


class Described(NamedTuple):
    """`body` None: what is sent is not looked at; empty: an object without fields. `response` None: nothing."""

    summary: str
    response: s.Schema | None = None
    query: tuple[Param, ...] = ()
    body: tuple[Param, ...] | None = None
    toml: bool = False  # the body is a whole catalog
    stream: bool = False


def _limit(most: int, says: str = "At most so many.") -> Param:
    return Param("limit", s.whole(1, most), says)


_USER = Param("userId", s.TEXT, "Whom it is about.")
_TYPE = Param("type", s.one_of(*TYPES), "One of the 14 types.")
_AMOUNTS = tuple(
    Param(
        name,
        s.number(-LONGEST_MOVE // unit, LONGEST_MOVE // unit),
        f"How many {name} pass. All of them are added up; fractions are fine.",
    )
    for name, unit in UNITS.items()
)
_WORLDS, _SNAPSHOTS = s.fields(worlds=s.many(s.ref("World"))), s.fields(snapshots=s.many(s.ref("Snapshot")))

CALLS: dict[str, Described] = {
    "mock_clock": Described(
        "The world's time, whether it stands still, and when something may fall due", s.ref("Clock")
    ),
    "mock_clock_set": Described(
        "Set the clock, stop it, let it go",
        s.ref("Move"),
        body=(
            Param(
                "now",
                s.MOMENT,
                "The time to set. Not before the clock's own: time does not run backwards (`POST /_mock/reset` and "
                "snapshots do).",
            ),
            Param("frozen", s.FLAG, "`true` stops the clock, `false` lets it run. Without it, it stays as it is."),
        ),
    ),
    "mock_clock_advance": Described(
        "Let time pass, with all that it brings",
        s.ref("Move"),
        body=(
            *_AMOUNTS,
            Param("to", s.MOMENT, "Or the moment to go to."),
            Param(
                "wait", s.FLAG, "`true`: respond only when no delivery of a webhook is due any more. May stand alone."
            ),
        ),
    ),
    "mock_worlds": Described("All worlds of the server", _WORLDS),
    "mock_worlds_make": Described(
        "Make a world",
        s.ref("World"),
        body=(
            Param(
                "catalog",
                {"anyOf": [{"type": "string"}, {"type": "object"}]},
                "A catalog as an object (as `GET /_mock/catalog` gives it), the text of a TOML file, or the name of a "
                'catalog that comes with the server: such as `"catalog"` or `"fitness"`. Without it: the server\'s.',
            ),
            Param(
                "seed",
                s.whole(-(10**15), 10**15),
                "The number from which users, ids and history follow. Without it: the server's.",
            ),
            Param(
                "users",
                s.whole(0, MOST_USERS),
                "How many users there are, by default 0; at most 10,000. Their history is made before the "
                "response comes.",
            ),
            Param(
                "historyDays",
                s.whole(0, LONGEST_HISTORY),
                "How many days of activity they have behind them; at most 366. Without it: the server's, or as many "
                "as the streak makes worth seeing: 60, 84 if it is weekly, 150 if it is monthly.",
            ),
            Param("now", s.MOMENT, "Where the clock starts. Without it: the real time."),
            Param("frozen", s.FLAG, "Whether the clock stands still. By default `false`."),
            Param(
                "load",
                {"anyOf": [s.TEXT, s.many(s.OPEN)]},
                "Instead of all others: the log of a world, as `mockserver keep export` writes it (its text, at most "
                "64 MiB, or its records in an array). The new world has lived through all of it, with the same ids; "
                "webhooks that were sent then are not sent again.",
            ),
        ),
    ),
    "mock_worlds_delete": Described("Delete a world that was made"),
    "mock_reset": Described("Put the world back to its seed", s.ref("World"), body=()),
    "mock_snapshots": Described("The snapshots that can be restored, oldest first", _SNAPSHOTS),
    "mock_snapshots_take": Described("Keep the world's state", s.fields(id=s.TEXT), body=()),
    "mock_snapshots_restore": Described("Go back to a snapshot", s.ref("World"), body=()),
    "mock_snapshots_delete": Described("Delete a snapshot"),
    "mock_catalog": Described(
        "The catalog in force",
        {"anyOf": [s.ref("Catalog"), s.ref("CatalogText")]},
        query=(Param("format", s.one_of("json", "toml"), '`toml`: as the text of a file, in `{"toml": "…"}`.'),),
    ),
    "mock_catalog_put": Described("Put another catalog into force", s.ref("Catalog"), toml=True),
    "mock_catalog_try": Described("What is wrong with a catalog, or what it would change", s.ref("Trial"), toml=True),
    "mock_overview": Described("The world at a glance", s.ref("Overview")),
    "mock_users": Described(
        "Users, found and in order, a page at a time",
        s.fields(users=s.many(s.ref("ListedUser")), total=s.WHOLE, next=s.maybe(s.WHOLE)),
        query=(
            Param("search", s.TEXT, "Only users in whose name, id, email or attributes the text is, in any case."),
            Param(
                "sort",
                s.one_of(*SORTS, *(f"-{name}" for name in SORTS)),
                f"By {', '.join(f'`{name}`' for name in SORTS)}; with a `-` before it, the other way round. By default "
                "`name`. `points` are those of the first system.",
            ),
            Param("achievement", s.TEXT, "Only users who have completed the achievement with this key."),
            Param("level", s.TEXT, "Only users at this level, as `SYSTEM/LEVEL` by their keys."),
            _limit(GREATEST_PAGE, "How many on a page: 1 to 1,000, by default 50."),
            Param("offset", s.whole(0, 10**9), "How many to leave out first: the `next` of the page before."),
        ),
    ),
    "mock_user": Described(
        "All there is to know of a user", s.ref("UserDetails"), query=(_USER._replace(required=True),)
    ),
    "mock_achievements": Described(
        "All achievements with how many have them", s.fields(achievements=s.many(s.ref("Achievement")))
    ),
    "mock_points": Described(
        "All points systems: triggers, boosts, levels and who is where",
        s.fields(systems=s.many(s.ref("PointsSystem"))),
    ),
    "mock_leaderboards": Described(
        "All leaderboards with their runs and groups", s.fields(leaderboards=s.many(s.ref("Leaderboard")))
    ),
    "mock_leaderboard": Described(
        "One ranking of a leaderboard, and who moved",
        s.ref("Ranking"),
        query=(
            Param("leaderboard", s.TEXT, "The key of the leaderboard.", required=True),
            Param("run", s.DAY, "A day in the run. Without it: the current run, by the UTC date."),
            Param(
                "group",
                s.TEXT,
                'On boards with a breakdown: the values of its attributes as a JSON array, such as `["en"]`. Without '
                "it: the first group.",
            ),
            _limit(1000, "How many places: 1 to 1,000, by default 25."),
            Param("offset", s.whole(0, 1000), "How many places to leave out first."),
        ),
    ),
    "mock_requests": Described(
        "What the world was asked, newest first",
        s.fields(requests=s.many(s.ref("Request")), letGo=s.WHOLE),
        query=(
            Param("operationId", s.TEXT, "Of the spec, or of a call under `/_mock`."),
            Param("userId", s.TEXT, "Whom it was about, by path, query or body."),
            Param("status", s.whole(0, 599), "The status of the response; 0 where the connection was dropped."),
            Param("after", s.whole(0, 10**15), "Only requests with a higher number."),
            _limit(KEPT),
        ),
    ),
    "mock_requests_clear": Described("Empty the log of requests"),
    "mock_facts": Described(
        "What happened, newest first",
        s.fields(facts=s.many(s.ref("Fact")), total=s.WHOLE, next=s.maybe(s.WHOLE)),
        query=(
            Param("userId", s.TEXT, "Only facts about this user, also those in which others took the user's rank."),
            Param("kind", s.one_of(*KINDS), "Only these: one of the kinds below."),
            Param("from", s.MOMENT, "Only facts of this time or later."),
            Param("to", s.MOMENT, "Only facts of this time or earlier."),
            _limit(GREATEST_LIMIT, "How many at most: 1 to 1,000, by default 100."),
            Param("before", s.whole(1, 10**15), "Only facts with a lower number: the `next` of the page before."),
        ),
    ),
    "mock_why": Described(
        "Why things are as they are: the facts behind them",
        s.ref("Why"),
        query=(
            _USER._replace(required=True),
            Param("points", s.TEXT, "A points system's key: the awards that make up the total, the newest 100."),
            Param(
                "achievement",
                s.TEXT,
                "An achievement's key: the completion and those of its prerequisites, or what is missing.",
            ),
            Param("streak", s.ANYTHING, "All since the streak began, or how the last one was lost. Needs no value."),
            Param(
                "leaderboard",
                s.TEXT,
                "A leaderboard's key: all that moved the user in the current run, by whomever.",
            ),
        ),
    ),
    "mock_stream": Described(
        "Facts as they happen, as server-sent events",
        query=(
            Param("kind", s.one_of(*KINDS), "Only facts of this kind."),
            Param("userId", s.TEXT, "Only facts about this user."),
            Param(
                "after",
                s.whole(0, 10**15),
                "Also those before now that have a higher number than this. `Last-Event-ID` means the same.",
            ),
        ),
        stream=True,
    ),
    "mock_cast": Described(
        "The states that a front end must draw, and who is in them", s.fields(cast=s.many(s.ref("State")))
    ),
    "mock_faults": Described("The faults that are on", s.ref("Faults")),
    "mock_faults_set": Described(
        "Switch faults on, and all others off",
        s.ref("Faults"),
        body=(
            Param(
                "latency",
                s.OPEN,
                '`{"ms": 200}`, or `{"minMs": 50, "maxMs": 300}` to draw from: the wait before a request is looked at.',
            ),
            Param(
                "errors",
                s.OPEN,
                '`{"rate": 0.1}` of the requests, or `{"every": 3}`, every third one, fail with `"status"` (400 to '
                '599, by default 500). With `"when": "after"` they are carried out first, and only the response is '
                'lost. Where clients try again (408, 409, 429, 5xx), `"retryAfter"` says after how many seconds (1, at '
                "most 3600; 0: nothing is said).",
            ),
            Param(
                "drops",
                s.OPEN,
                '`{"rate": 0.1}` or `{"every": 3}`: the connection is closed without a response; `"when"` as above.',
            ),
            Param(
                "rateLimits",
                {"anyOf": [s.FLAG, s.OPEN]},
                "`true`: 10 requests a second for events, achievement completions and [admin calls](admin.md) "
                "together, 100 for all others; "
                'beyond, 429 with `Retry-After` and `X-RateLimit-Reset`. `{"events": 1, "others": 5}` sets other '
                "limits. Seconds are real ones.",
            ),
            Param(
                "liveStatuses",
                {"anyOf": [s.FLAG, s.OPEN]},
                "`true`: the real service's statuses that the spec lacks: 202 for a replayed event, 404 for an "
                "unknown user on `GET /users/{id}` and for an unknown metric on an event. So with "
                "`serve --live-statuses`.",
            ),
        ),
    ),
    "mock_faults_clear": Described("Switch all faults off"),
    "mock_webhooks": Described("Where webhooks go", s.fields(endpoints=s.many(s.ref("Endpoint")))),
    "mock_webhooks_add": Described(
        "Add an endpoint",
        s.ref("NewEndpoint"),
        body=(
            Param("url", s.TEXT, "Where to send: http or https. Required.", required=True),
            Param("secret", s.TEXT, "What signs the webhooks; made up and returned when it is not given."),
            Param("events", s.many(s.one_of(*TYPES)), "The types that go there. Without it: all."),
            Param("active", s.FLAG, "`false`: nothing goes there until it is switched on."),
            Param(
                "concurrency",
                s.whole(1, MOST_CONCURRENCY),
                f"How many deliveries may be under way at once, of different users; 1 to {MOST_CONCURRENCY}. Without "
                f"it what `serve --webhook-concurrency` says, {CONCURRENCY}. 1: strictly one after the other.",
            ),
        ),
    ),
    "mock_webhooks_switch": Described(
        "Switch an endpoint on or off",
        s.ref("NewEndpoint"),
        body=(Param("active", s.FLAG, "On or off. Required.", required=True),),
    ),
    "mock_webhooks_delete": Described("Delete an endpoint"),
    "mock_webhooks_events": Described(
        "What the world has told, oldest first",
        s.fields(events=s.many(s.ref("Event")), letGo=s.WHOLE),
        query=(
            _TYPE._replace(says="Only this type."),
            _USER._replace(says="Only events about this user."),
            _limit(KEPT_EVENTS, "Only the newest so many: 1 to 10,000, by default 1,000."),
        ),
    ),
    "mock_webhooks_deliveries": Described(
        "What was sent to endpoints, oldest first",
        s.fields(deliveries=s.many(s.ref("Delivery")), letGo=s.WHOLE),
        query=(
            _TYPE._replace(says="Only this type."),
            _USER._replace(says="Only events about this user."),
            Param("endpoint", s.TEXT, "Only those to the endpoint with this id."),
            Param(
                "state", s.one_of(*get_args(State)), f"Only these: {', '.join(f'`{one}`' for one in get_args(State))}."
            ),
            _limit(KEPT_EVENTS, "Only the newest so many: 1 to 10,000, by default 1,000."),
        ),
    ),
    "mock_webhooks_redeliver": Described("Send a delivery again", s.ref("Delivery"), body=()),
    "mock_webhooks_trigger": Described(
        "Send a realistic event now",
        s.fields(event=s.ref("Event"), deliveries=s.many(s.ref("Delivery"))),
        body=(
            _TYPE._replace(required=True, says="One of the 14 types. Required."),
            _USER._replace(says="Whom it is about. Without it: somebody."),
            Param(
                "duplicate",
                s.whole(0, MOST_DUPLICATES),
                "How many more times the same is sent, at most 100.",
            ),
            Param(
                "tamper",
                s.one_of("signature", "body"),
                '`"signature"` or `"body"`: it does not fit the other any more.',
            ),
            Param(
                "delay",
                s.number(0, LONGEST_DELAY),
                "Seconds of the world's clock before it is sent, at most 86,400.",
            ),
        ),
    ),
    "mock_document": Described("The spec, as it is served", s.at_least(openapi=s.TEXT, paths=s.OPEN)),
    "mock_openapi": Described("This document", s.at_least(openapi=s.TEXT, paths=s.OPEN)),
}
