"""All operations with generated requests: examples of the spec, edge cases of its schemas, valid and invalid ones."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from contract_tests import generated
from contract_tests.conftest import Stages
from contract_tests.rules import rule
from contract_tests.run import Run
from contract_tests.suite import Suite

schema = generated.load_schema(Run.the_spec().raw, Run.options)


@pytest.fixture(scope="session")
def generated_requests(suite: Suite, stages: Stages) -> Iterator[generated.GeneratedRequests]:
    """In a world of this part's own, with three users; two of them have sent events."""
    stage = stages.new()
    users = stage.kit.users[:3]
    if not suite.options.read_only:
        users = [stage.name(word) for word in ("ann", "ben", "cleo")]
        for user in users:
            stage.call("users_create", body={"id": user})
        for metric in stage.kit.metrics:
            for user in users[:2]:
                stage.call("metrics_event", key=metric, body={"user": {"id": user}, "value": 250})
    generated_requests = generated.GeneratedRequests(suite, generated.KnownData(stage, users))
    yield generated_requests
    generated_requests.session.close()


@rule("Every response matches the spec", "the spec, by schemathesis")
@schema.parametrize()  # type: ignore[untyped-decorator]
@generated.settings(Run.options, fail_fast=Run.fail_fast)
def test_generated_requests(case: generated.Case, generated_requests: generated.GeneratedRequests) -> None:
    generated_requests.send_and_check(case)


if not schema.statistic.operations.selected:
    del test_generated_requests  # schemathesis treats a test without operations as an error
