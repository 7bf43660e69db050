"""Requests that schemathesis generates, filled in with users and keys that exist, and checked by all of its checks.

There are three exceptions: a valid request may get 400 or 422 where a rule is not in the schema (scenarios show that
valid input is accepted); PUT and PATCH without a body mean `{}` (SDKs send that); requests without a valid key are
tried once for each operation, not after every request.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from itertools import count
from typing import Any
from urllib.parse import urlsplit

import hypothesis
import pytest
import requests
import schemathesis
from requests.adapters import HTTPAdapter
from schemathesis.core.failures import AcceptedNegativeData, Failure, FailureGroup
from schemathesis.generation.meta import TestPhase
from schemathesis.openapi.checks import UndefinedStatusCode

from contract_tests.boards import pairs_of
from contract_tests.client import TIMEOUT, NoResponse
from contract_tests.exchange import Exchange
from contract_tests.links import in_path
from contract_tests.options import Options
from contract_tests.run import Run
from contract_tests.spec import is_live_status
from contract_tests.stage import Stage
from contract_tests.suite import Suite

JSON = Any
Case = schemathesis.Case[Any]
ZONES = ("Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Auckland", "UTC")
#: An empty body means `{}` there (behaviour, section 3).
BODY_MAY_BE_ABSENT = {"users_identify", "users_update", "users_update_preferences"}


def load_schema(raw: dict[str, JSON], options: Options, within: Iterable[str] = ()) -> Any:
    """A spec as a schema of schemathesis, without the spec's own server.

    It has only the operations of the options, and of those only the ones `within`, if any are named there.
    """
    config = schemathesis.Config.from_dict(
        {
            "seed": options.seed,
            "base-url": "http://127.0.0.1:9/v1",  # never called: each request names the target
            "generation": {"with-security-parameters": False, "database": "none", "allow-x00": False},
            "checks": {
                "positive_data_acceptance": {"expected-statuses": ["2XX", 400, 401, 403, 404, 409, 422, 429, "5XX"]},
                "ignored_auth": {"enabled": False},
            },
            "phases": {"stateful": {"inference": {"algorithms": []}}},
            "warnings": False,
        }
    )
    schema: Any = schemathesis.openapi.from_dict(raw, config=config)
    names = [name for name in within or options.operations if not options.operations or name in options.operations]
    # In one call: what either of two calls includes would stay in.
    wanted = ({"operation_id": names} if names else {}) | ({"method": ["GET"]} if options.read_only else {})
    return schema.include(**wanted) if wanted else schema


def settings(options: Options, *, fail_fast: bool) -> hypothesis.settings:
    """Deterministic, without deadlines for slow targets. Examples and edge cases of the spec are tried in addition."""
    return hypothesis.settings(
        max_examples=options.effort.generated,
        deadline=None,
        database=None,
        derandomize=False,
        report_multiple_bugs=not fail_fast,
        suppress_health_check=list(hypothesis.HealthCheck),
        phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate, hypothesis.Phase.shrink],
    )


class KnownData:
    """Users, keys and attributes that the target knows, for generated requests.

    Every third valid request stays as it was generated, so that unknown things are requested too.
    """

    def __init__(self, stage: Stage, users: list[str]) -> None:
        self.stage = stage
        self.kit = stage.kit
        self.users = users
        self._count = 0

    def fill_in(self, case: Case) -> None:
        """Replace generated names by known ones in requests that are meant to be valid."""
        self._count += 1
        if case.meta is not None and case.meta.generation.mode.is_negative:
            return
        if isinstance(case.body, dict):
            self.fill_in_body(case)
        if self._count % 3:
            self._fill_in_path(case)
            self._fill_in_query(case)

    def _fill_in_path(self, case: Case) -> None:
        known = dict(case.path_parameters or {})
        if "id" in known and self.users:
            known["id"] = in_path(self.users[self._count % len(self.users)])
        if "key" in known and (keys := self._keys(case.path)):
            known["key"] = in_path(keys[self._count % len(keys)])
        if known != case.path_parameters:
            case.path_parameters = known

    def restrict_to_own_users(self, case: Case) -> None:
        """At a target with other users, write only for the suite's own users, in bad requests too."""
        if self.stage.fresh or not self.users or case.method in ("GET", "HEAD", "OPTIONS"):
            return
        own = self.users[self._count % len(self.users)]
        if (case.path_parameters or {}).get("id") not in (None, *self.users):
            case.path_parameters = case.path_parameters | {"id": own}
        body = case.body if isinstance(case.body, dict) else {}
        holders = [body, body.get("user")]
        for holder in holders:
            if isinstance(holder, dict) and isinstance(holder.get("id"), str) and holder["id"] not in self.users:
                holder["id"] = own

    def _keys(self, path: str) -> list[str]:
        if "metrics/" in path:
            return self.kit.metrics
        if "points/" in path:
            return list(self.kit.points)
        if "leaderboards/" in path:
            return list(self.kit.leaderboards)
        return [row["key"] for row in (*self.kit.achievements, *self.kit.unlisted) if row.get("key")]

    def _fill_in_query(self, case: Case) -> None:
        query = dict(case.query or {})
        if "userId" in query and self.users:
            query["userId"] = self.users[self._count % len(self.users)]
        if "userIds" in query and self.users:
            query["userIds"] = self.users[:2]
        if "userAttributes" in query and self.kit.user_attributes:
            query["userAttributes"] = pairs_of({self.kit.user_attributes[0]: "x"})
        if "startDate" in query and "endDate" in query:
            query |= {"startDate": "2025-01-01", "endDate": "2025-03-31"}
        if query != case.query:
            case.query = query

    def fill_in_body(self, case: Case) -> None:
        """Fill in users of the suite's own, and zones and attribute keys that exist; the rest stays as generated."""
        body: dict[str, JSON] = dict(case.body)  # type: ignore[arg-type]
        user = body.get("user")
        if isinstance(user, dict) and "id" in user:
            body["user"] = self._known_user(user)
        elif "id" in body:
            body = self._known_user(body)
        else:
            body = self._known_fields(body)
        if isinstance(body.get("attributes"), dict) and "value" in body:
            body["attributes"] = _renamed(body["attributes"], self.kit.event_attributes)
        case.body = body

    def _known_user(self, user: dict[str, JSON]) -> dict[str, JSON]:
        found = self._known_fields(user)
        if self.users and (self._count % 3 or not self.stage.fresh):
            found["id"] = self.users[self._count % len(self.users)]
        return found

    def _known_fields(self, user: dict[str, JSON]) -> dict[str, JSON]:
        found = dict(user)
        if isinstance(found.get("tz"), str):
            found["tz"] = ZONES[self._count % len(ZONES)]
        if found.get("subscribeToEmails") is True:
            found.setdefault("email", "someone@example.com")
        if isinstance(found.get("attributes"), dict) and "value" not in found:
            found["attributes"] = _renamed(found["attributes"], self.kit.user_attributes)
        return found


class ModerateBodies:
    """For walks: valid bodies with moderate values, three times out of four about one of two users, so that a walk
    returns to what it has done."""

    def __init__(self, stage: Stage, users: list[str]) -> None:
        self.known_data = KnownData(stage, [])
        self.users = users
        self._count = 0

    def __call__(self, case: Case) -> None:
        self._count += 1
        if case.meta is not None and case.meta.generation.mode.is_negative:
            return
        somebody = self.users[self._count % len(self.users)] if self._count % 4 else None
        if somebody is not None and "id" in (case.path_parameters or {}):
            case.path_parameters = case.path_parameters | {"id": somebody}
        if isinstance(case.body, dict):
            self._body(case, dict(case.body), somebody)

    def _body(self, case: Case, body: dict[str, JSON], somebody: str | None) -> None:
        value = body.get("value")
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            body["value"] = round(value % 1000, 2)
        if body.get("notifications") == {}:
            body["notifications"] = {"recap": ["email"]}
        if somebody is not None and isinstance(body.get("user"), dict):
            body["user"] = body["user"] | {"id": somebody}
        case.body = body
        self.known_data.fill_in_body(case)


def _renamed(attributes: dict[str, JSON], keys: list[str]) -> dict[str, JSON]:
    return dict(zip(keys, attributes.values(), strict=False))


class GeneratedRequests:
    """Sends generated requests to the target and turns schemathesis's failures into findings."""

    def __init__(self, suite: Suite, known_data: KnownData) -> None:
        self.suite = suite
        self.known_data = known_data
        self.client = known_data.stage.client
        self.methods = {operation.method for operation in suite.spec.operations.values()}
        self.session = requests.Session()
        self.session.mount("http://", HTTPAdapter(max_retries=1))
        self.session.trust_env = False

    def call(self, case: Case) -> Any:
        """Send a request within the rate limit, again after a 429, and record it."""
        self.known_data.restrict_to_own_users(case)
        if self.suite.unreachable:
            pytest.skip(self.suite.unreachable)
        for number in count(1):
            self.client.rate_limiter.wait()
            began = time.perf_counter()
            try:
                response = case.call(
                    base_url=self.client.base_url, session=self.session, headers=self.client.headers(), timeout=TIMEOUT
                )
            except requests.RequestException as error:
                raise self._no_response(error) from error
            exchange = self._exchange(response, time.perf_counter() - began)
            self.suite.observe(exchange)
            if not self.client.rate_limiter.should_retry(exchange, number):
                break
        return response, exchange

    def _no_response(self, error: requests.RequestException) -> BaseException:
        """The error to raise when there is no response; it is recorded as a finding if the request is known."""
        if error.request is None:
            return error
        cause = TimeoutError(str(error)) if isinstance(error, requests.Timeout) else ConnectionResetError(str(error))
        missing = NoResponse(self._request(error.request), cause)
        self.suite.no_response(missing)
        return missing

    def send_and_check(self, case: Case, **context: Any) -> None:
        """Send and check. Raises schemathesis's failures after adding them to the findings."""
        if self.suite.options.read_only and case.method.upper() != "GET":
            return  # schemathesis tries undeclared methods too, which might write
        self.known_data.fill_in(case)
        response, exchange = self.call(case)
        self.check(case, response, exchange, **context)

    def check(self, case: Case, response: Any, exchange: Exchange, **context: Any) -> None:
        """All checks of a response. Raises schemathesis's failures after adding them to the findings."""
        headers = self.client.headers()
        try:
            case.validate_response(response, headers=headers, **context)
        except (Failure, FailureGroup) as group:
            kept = [failure for failure in _failures(group) if not self._allowed(failure, case, exchange)]
            for failure in kept:
                self._add_finding(failure, exchange)
            # All edge cases are tried; a generated request is shrunk when the failure is raised.
            if kept and (Run.fail_fast or case.meta is None or case.meta.phase.name is not TestPhase.COVERAGE):
                for failure in _failures(group):
                    failure.recorded = True  # type: ignore[attr-defined]  # exception groups are made anew
                raise

    def _allowed(self, failure: Failure, case: Case, exchange: Exchange) -> bool:
        """Failures that schemathesis cannot be configured to accept: statuses that are only noted, bodies that may be
        absent, and 501 to a method that the spec has for no path (RFC 9110, section 15.6.2)."""
        if exchange.status == 501 and exchange.method not in self.methods:
            return True
        if isinstance(failure, UndefinedStatusCode) and exchange.operation and not self.suite.options.strict:
            return is_live_status(exchange.operation, exchange.status)
        if not isinstance(failure, AcceptedNegativeData):
            return False
        no_body = not isinstance(case.body, (dict, list, str, int, float, bool)) or case.body == ""
        return no_body and case.operation.definition.raw.get("operationId") in BODY_MAY_BE_ABSENT

    def _add_finding(self, failure: Failure, exchange: Exchange) -> None:
        operation = exchange.operation
        source = f"{operation.pointer} · schemathesis {type(failure).__name__}" if operation else "schemathesis"
        title = failure.title
        if not self._is_reported_already(failure, exchange):
            self.suite.add_finding(title, source, failure.message or f"returned {exchange.status}", exchange)

    def _is_reported_already(self, failure: Failure, exchange: Exchange) -> bool:
        """Whether our own check of every response has reported the same."""
        ours = {"status_code_conformance", "content_type_conformance", "response_schema_conformance"}
        return not ours.isdisjoint(failure.checks) and bool(self.suite.problems(exchange))

    def _exchange(self, response: Any, seconds: float) -> Exchange:
        exchange = self._request(response.request)
        exchange.status, exchange.response_body, exchange.seconds = (
            response.status_code,
            response.content or b"",
            seconds,
        )
        exchange.response_headers = {name: ", ".join(values) for name, values in response.headers.items()}
        return exchange

    def _request(self, sent: Any) -> Exchange:
        """The request of an exchange that has no response yet."""
        parts = urlsplit(sent.url)
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        path = target.removeprefix(urlsplit(self.client.base_url).path)
        return Exchange(
            method=sent.method,
            url=sent.url,
            headers={name: _words(value) for name, value in sent.headers.items() if name not in _OWN_HEADERS},
            body=sent.body.encode() if isinstance(sent.body, str) else sent.body,
            status=0,
            response_headers={},
            response_body=b"",
            operation=self.suite.spec.find(sent.method, path),
            path=path,
        )


_OWN_HEADERS = {"User-Agent", "Accept-Encoding", "Accept", "Connection", "Content-Length", "X-Schemathesis-TestCaseId"}


def _words(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value


def _failures(group: BaseException) -> Iterator[Failure]:
    if isinstance(group, BaseExceptionGroup):
        for one in group.exceptions:
            yield from _failures(one)
    elif isinstance(group, Failure):
        yield group
