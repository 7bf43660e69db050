"""The options, in one table for both commands: `pytest contract_tests …` and `mockserver verify …`."""

from __future__ import annotations

import os
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

Profile = Literal["quick", "standard", "thorough"]
PROFILES = ("quick", "standard", "thorough")
PARTS = ("document", "operations", "behaviour", "webhooks", "stateful")

#: The part that each file belongs to; all other files belong to `behaviour`.
FILES = {
    "test_document.py": "document",
    "test_operations.py": "operations",
    "test_requests.py": "operations",
    "test_webhooks.py": "webhooks",
    "test_webhooks_in_time.py": "webhooks",
    "test_stateful.py": "stateful",
}


def part_of_file(name: str) -> str:
    """The part that the tests in a file belong to."""
    return FILES.get(name, "behaviour")


@dataclass(frozen=True)
class Effort:
    """What a profile does: generated requests per operation, walks of the state machine, and steps of each walk."""

    generated: int
    walks: int
    steps: int


EFFORTS: dict[str, Effort] = {
    "quick": Effort(generated=3, walks=8, steps=25),
    "standard": Effort(generated=40, walks=25, steps=25),
    "thorough": Effort(generated=400, walks=150, steps=50),
}


@dataclass(frozen=True)
class Option:
    """One option: `kind` is its Python type, `env` the environment variable that is read if it is absent."""

    name: str
    help: str
    kind: type = str
    choices: tuple[str, ...] = ()
    env: str | None = None

    @property
    def field(self) -> str:
        return self.name.replace("-", "_")


CONFIG = (
    "TOML file with the target's keys, where they cannot be discovered: lists named metrics, achievements, points, "
    "leaderboards, user_attributes, event_attributes, users"
)
OPTIONS = (
    Option("base-url", "the implementation, e.g. http://127.0.0.1:8080/v1 (absent: the suite starts our own server)"),
    Option("api-key", "its API key"),
    Option("tenant", "the Tenant-ID to send, for organisations with multi-tenancy"),
    Option(
        "control-token",
        "the token of the target's control plane, where it wants one",
        env="MOCKSERVER_CONTROL_TOKEN",
    ),
    Option("profile", "how hard to try", choices=PROFILES),
    Option("seed", "what generated requests grow from; the same seed sends the same ones", int),
    Option("operations", "only these operationIds, comma-separated"),
    Option("parts", f"only these parts, comma-separated: {', '.join(PARTS)}"),
    Option("rate", "at most this many requests per second", float),
    Option("read-only", "send nothing that writes", bool),
    Option(
        "config",
        CONFIG,
        Path,
    ),
    Option("document", "check this OpenAPI document instead of the one that is built in", Path),
    Option("baseline", "file of known failures: only others break the build", Path),
    Option("update-baseline", "write the failures of this run into the baseline", bool),
    Option("strict", "fail on statuses that the real service sends and the spec does not declare", bool),
    Option("allow-live", "permit api.trophy.so, at its documented rate and with users of the suite's own", bool),
    Option("webhook-listen", "receive the target's webhooks on this port (0: any free one)", int),
    Option("webhook-secret", "the secret of the endpoint that was set up for --webhook-listen"),
    Option("webhook-log", "check webhook bodies captured elsewhere: a file with one JSON body a line", Path),
    Option("html", "write a report in one HTML file", Path),
    Option("bundle", "write the failures with all their requests into this file, for --replay", Path),
)


@dataclass(frozen=True)
class Options:
    """The options as given; None where absent."""

    base_url: str | None = None
    api_key: str | None = None
    tenant: str | None = None
    control_token: str | None = None
    profile: str = "standard"
    seed: int = 1
    operations: tuple[str, ...] = ()
    parts: tuple[str, ...] = PARTS
    rate: float | None = None
    read_only: bool = False
    config: Path | None = None
    document: Path | None = None
    baseline: Path | None = None
    update_baseline: bool = False
    strict: bool = False
    allow_live: bool = False
    webhook_listen: int | None = None
    webhook_secret: str | None = None
    webhook_log: Path | None = None
    html: Path | None = None
    bundle: Path | None = None

    @property
    def effort(self) -> Effort:
        return EFFORTS[self.profile]

    @classmethod
    def of(cls, given: dict[str, Any]) -> Options:
        """From raw values by field name. None means the environment variable, then the default."""
        for option in OPTIONS:
            if option.env and given.get(option.field) is None:
                given = given | {option.field: os.environ.get(option.env) or None}
        known = {row.name for row in fields(cls)}
        values = {name: value for name, value in given.items() if name in known and value is not None}
        for name in ("operations", "parts"):
            if isinstance(values.get(name), str):
                values[name] = tuple(part.strip() for part in values[name].split(",") if part.strip())
        return cls(**values)
