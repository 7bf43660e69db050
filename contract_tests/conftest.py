"""The hooks and fixtures of pytest: options, one suite for the run, a stage for each scenario, reports at the end."""

from __future__ import annotations

import time
from collections.abc import Generator
from typing import Any

import pytest

from contract_tests.compared import compare
from contract_tests.control import Control
from contract_tests.kit import Kit, discover
from contract_tests.options import OPTIONS, PARTS, Options, part_of_file
from contract_tests.ready import prepare, to_configure
from contract_tests.report import terminal, write_all
from contract_tests.run import Run
from contract_tests.settings import shown
from contract_tests.stage import Stage
from contract_tests.suite import Suite
from contract_tests.target import CannotRun

SUITE = pytest.StashKey[Suite]()
#: A Wednesday in the middle of a month, so that no week, month or year ends during a short scenario.
BEGINNING = "2025-03-12T12:00:00.000Z"


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("contract suite")
    for option in OPTIONS:
        if option.name == "strict":
            continue  # pytest has an option of this name, which we read: strictness about everything
        if option.kind is bool:
            group.addoption(f"--{option.name}", action="store_true", default=None, help=option.help)
        else:
            choices = option.choices or None
            group.addoption(f"--{option.name}", type=option.kind, choices=choices, help=option.help)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "rule(sentence, source, choice): what a test checks and where it is written")
    config.addinivalue_line("markers", "destructive: it may crash a target, and so runs last")
    config.addinivalue_line("markers", "operations(*prefixes): the operations that a test is about")
    given = [plugin for plugin in config.pluginmanager.get_plugins() if isinstance(plugin, Suite)]
    try:
        suite = given[0] if given else Suite(Options.of(vars(config.option)))
    except CannotRun as error:
        pytest.exit(str(error), returncode=2)
    config.stash[SUITE] = suite
    Run.options, Run.spec = suite.options, suite.spec
    Run.fail_fast = config.getoption("maxfail") == 1


def pytest_sessionstart(session: pytest.Session) -> None:
    if session.config.option.collectonly:
        return
    suite = session.config.stash[SUITE]
    try:
        prepare(suite)
    except CannotRun as error:
        suite.close()
        pytest.exit(str(error), returncode=2)
    if session.config.pluginmanager.has_plugin("terminalreporter") and (todo := to_configure(suite)):
        terminal_writer = session.config.get_terminal_writer()  # is not captured
        terminal_writer.line(todo)
        terminal_writer.flush()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    options = config.stash[SUITE].options
    only = config.stash[SUITE].only
    kept = [
        item
        for item in items
        if part_of(item) in options.parts
        and _wanted(item, options.operations)
        and not _empty(item)
        and (only is None or item.name in only)
    ]
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = sorted(kept, key=lambda item: (_may_break_it(item), PARTS.index(part_of(item))))


def _may_break_it(item: pytest.Item) -> bool:
    """Tests that may crash a target run last."""
    return item.get_closest_marker("destructive") is not None


def part_of(item: pytest.Item) -> str:
    return part_of_file(item.path.name)


def _wanted(item: pytest.Item, operations: tuple[str, ...]) -> bool:
    """Whether a test is about one of the given operations; generated tests select theirs themselves."""
    marker = item.get_closest_marker("operations")
    if not operations or marker is None:
        return True
    return any(name.startswith(prefix) for name in operations for prefix in marker.args)


def _empty(item: pytest.Item) -> bool:
    """Whether it is pytest's placeholder for a parametrized test that has no parameters left."""
    marker = item.get_closest_marker("skip")
    return marker is not None and str(marker.kwargs.get("reason", "")).startswith("got empty parameter set")


@pytest.fixture(scope="session")
def suite(pytestconfig: pytest.Config) -> Suite:
    return pytestconfig.stash[SUITE]


@pytest.fixture(scope="session")
def stages(suite: Suite) -> Stages:
    return Stages(suite)


@pytest.fixture
def stage(suite: Suite, stages: Stages) -> Stage:
    """A stage for this scenario."""
    return stages.new()


class Stages:
    """Makes stages; discovers the target once."""

    def __init__(self, suite: Suite) -> None:
        self.suite = suite
        self.target = suite.connect()
        self.client = self.target.client
        self.config = suite.config
        self.run = "ct" if self.target.control else f"ct{int(time.time()):x}"
        self.count = 0
        self._kit: Kit | None = None

    def new(self, **settings: Any) -> Stage:
        """A new stage, in a world of its own (with `settings`) if there is a control plane."""
        self.count += 1
        if self.target.control is None or self.suite.options.read_only:
            why = self.target.no_control if self.target.control is None else "--read-only is on"
            if settings:
                pytest.skip(f"needs a world of its own ({why})")
            prefix = f"{self.run}-{self.count}"
            return Stage(self.client, self.kit(), prefix=prefix, control=None, fresh=False, no_control=why)
        client, control = self._world(settings)
        return Stage(client, self.kit(), prefix=self.run, control=control, fresh=True)

    def _world(self, settings: dict[str, Any]) -> tuple[Any, Control]:
        assert self.target.control is not None
        wanted = {"seed": self.suite.options.seed, "users": 0, "now": BEGINNING, "frozen": True} | settings
        key = Control(self.client, self.target.control).new_world(**wanted)
        if self.suite.running:
            self.suite.running.worlds.append({"key": key, "settings": wanted})
        client = self.client.with_key(key, self.suite.options.tenant)
        return client, Control(client, self.target.control)

    def kit(self) -> Kit:
        if self._kit is None:
            with self.suite.outside_test():
                self._kit = self._discovered()
        return self._kit

    def _discovered(self) -> Kit:
        client, read_only, catalog = self.client, self.suite.options.read_only, None
        if self.target.control and not read_only:
            client, control = self._world({})
            catalog = control.call("GET", "/catalog")
        kit = discover(
            client,
            self.config,
            user=f"{self.run}-discovery",
            read_only=read_only,
            other_users=not self.target.live,
            catalog=catalog,
        )
        if catalog is None:
            self.suite.coverage.settings.used(shown(kit), whole=False)
        return kit


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, bool, bool]:
    suite = item.config.stash[SUITE]
    marker = item.get_closest_marker("rule")
    sentence, source = marker.args if marker else (item.name, "-")
    suite.begin(part_of(item), item.name, sentence, source)
    try:
        return (yield)
    finally:
        suite.end()


def pytest_runtest_setup(item: pytest.Item) -> None:
    suite, marker = item.config.stash[SUITE], item.get_closest_marker("rule")
    if marker and marker.kwargs.get("choice") and not (suite.target and suite.target.control):
        pytest.skip("neither the spec nor the vendor says so: checked only where the target has our control plane")
    if suite.unreachable and part_of(item) != "document":
        pytest.skip(suite.unreachable)
    if suite.options.read_only and "stage" in getattr(item, "fixturenames", ()):
        pytest.skip("writes, and --read-only is on")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """Every error becomes a finding; findings without an exception fail the test too."""
    suite = item.config.stash[SUITE]
    assert suite.running is not None
    try:
        yield
        for check in suite.running.afterwards:
            check()
    except (pytest.skip.Exception, KeyboardInterrupt):
        raise
    except Exception as error:
        if not _recorded(error):
            suite.crashed(error)
        raise
    if suite.running.keys:
        pytest.fail(f"{len(suite.running.keys)} findings", pytrace=False)


def pytest_assertrepr_compare(config: pytest.Config, op: str, left: Any, right: Any) -> list[str]:
    """The text of a failed comparison in reports, instead of pytest's own."""
    compared = compare(op, left, right)
    if (running := config.stash[SUITE].running) is not None:
        running.compared = compared
    return [f"{compared.got} {op} {compared.expected}"]


def _recorded(error: BaseException) -> bool:
    """Whether it is among the findings already. Exception groups are made anew on their way, their members are not."""
    if isinstance(error, BaseExceptionGroup):
        return all(_recorded(one) for one in error.exceptions)
    return bool(getattr(error, "recorded", False))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    # Schemathesis leaves the operation out of the id, and reports need it.
    report.nodeid = f"{item.path.name}::{item.name}"
    suite = item.config.stash[SUITE]
    if call.when == "setup" and report.failed and call.excinfo and suite.running:
        suite.crashed(call.excinfo.value)
    if report.failed and suite.running:
        found = suite.findings.of(suite.running.keys)
        if found and all(finding.key in suite.known for finding in found):
            report.outcome, report.wasxfail = "skipped", "known failures only (baseline)"
        report.longrepr = "\n\n".join(terminal.describe(finding, suite) for finding in found) or report.longrepr
    _count(suite, item, report, call)
    return report


def _count(suite: Suite, item: pytest.Item, report: pytest.TestReport, call: pytest.CallInfo[None]) -> None:
    if report.skipped and not hasattr(report, "wasxfail"):
        suite.skipped[item.name] = str(call.excinfo.value) if call.excinfo else "skipped"
        suite.count(part_of(item), "skipped")
    elif report.failed and call.when in ("setup", "call"):
        suite.count(part_of(item), "failed")
    elif call.when == "call":
        suite.count(part_of(item), "passed")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    suite = session.config.stash.get(SUITE, None)
    if suite is None:
        return
    try:
        write_all(suite)
    except CannotRun as error:
        suite.unwritten = str(error)
        session.exitstatus = 2
    suite.close()
    suite.nothing_to_run = exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED
    if exitstatus not in (0, 1):
        session.exitstatus = 2


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    suite = config.stash.get(SUITE, None)
    if suite is not None and suite.parts_run:
        terminalreporter.write(terminal.summary(suite))
    if suite is not None and suite.unwritten:
        terminalreporter.write_line(suite.unwritten)
