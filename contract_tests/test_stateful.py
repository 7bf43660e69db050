"""Walks through the API along links: in any order of requests, responses agree with each other."""

from __future__ import annotations

from typing import Any

import hypothesis
import pytest
from schemathesis.generation.stateful import run_state_machine_as_test

from contract_tests import generated
from contract_tests.conftest import Stages
from contract_tests.exchange import Exchange
from contract_tests.links import ON_THE_WAY, with_links
from contract_tests.model import Model
from contract_tests.rules import rule
from contract_tests.suite import Suite


class Walker:
    """What a walk does at each step: two users, a model of what they have done, and all checks of the spec."""

    suite: Suite
    stages: Stages
    recorder: Any

    def setup(self) -> None:
        self.stage = self.stages.new()
        users = [self.stage.name(word) for word in ("ann", "ben")]
        self.generated_requests = generated.GeneratedRequests(self.suite, generated.KnownData(self.stage, users))
        self.model = Model()
        self.last: Exchange | None = None
        for user in users:
            self.stage.call("users_create", body={"id": user})
        self.moderate = generated.ModerateBodies(self.stage, users)

    def teardown(self) -> None:
        self.generated_requests.session.close()

    def before_call(self, case: generated.Case) -> None:
        self.moderate(case)

    def call(self, case: generated.Case, **kwargs: Any) -> Any:
        response, self.last = self.generated_requests.call(case)
        return response

    def validate_response(self, response: Any, case: generated.Case, *_: Any, **__: Any) -> None:
        assert self.last is not None
        self.generated_requests.check(case, response, self.last, recorder=self.recorder)
        self.compare(self.last)
        for operation, arguments in self.model.reads_after(self.last):
            self.compare(self.stage.call(operation, **arguments))

    def compare(self, exchange: Exchange) -> None:
        """Compare a response with the walk so far."""
        broken = list(self.model.check(exchange))
        for mismatch in broken:
            message = "earlier responses of the same walk"
            self.suite.add_finding(mismatch.rule, message, mismatch.got, exchange)
        if broken:
            error = AssertionError(f"{broken[0].rule}: {broken[0].got}")
            error.recorded = True  # type: ignore[attr-defined]
            raise error


def machine(suite: Suite, stages: Stages) -> Any:
    """A state machine; each walk has a world of its own if the target can make one."""
    linked = with_links(suite.spec, stages.kit())
    schema = generated.load_schema(linked, suite.options, sorted(ON_THE_WAY))
    walk = type("Walk", (Walker, schema.as_state_machine()), {"suite": suite, "stages": stages})
    return hypothesis.seed(suite.options.seed)(walk)


@rule(
    "Later responses agree with earlier ones, in any order of requests",
    "the spec, with links of the suite's own",
)
def test_walks_through_the_api(suite: Suite, stages: Stages) -> None:
    if suite.options.read_only:
        pytest.skip("writes, and --read-only is on")
    if suite.options.operations and not ON_THE_WAY & set(suite.options.operations):
        pytest.skip("no walk calls the operations that were asked for")
    stages.kit().need(stages.kit().metrics, "metric")
    effort = suite.options.effort
    run_state_machine_as_test(
        machine(suite, stages),
        settings=hypothesis.settings(
            max_examples=effort.walks,
            stateful_step_count=effort.steps,
            deadline=None,
            database=None,
            phases=[hypothesis.Phase.generate],  # a walk is short enough to read as it is
            report_multiple_bugs=False,
            suppress_health_check=list(hypothesis.HealthCheck),
        ),
    )
