"""Fixtures for tests against the fake Trophy: one server for the session, and a fresh world for each test.

Imported by every pytest that finds this package, so it imports nothing until a fixture is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from mockserver.testing import MadeWorld, MockServer


OPTIONS = ("catalog", "seed", "users", "history_days", "now", "frozen")  # of MockServer.world
RUNNING = pytest.StashKey["MockServer"]()


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "trophy_world(**options): those of MockServer.world for the fixture's world.")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Fails a test whose marker is wrong, also where the fixture is not used."""
    if fault := _fault_of_markers(item):
        pytest.fail(fault, pytrace=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Iterator[None]:
    """A test that stopped the session's server fails, and the tests after it have it again."""
    server = item.config.stash.get(RUNNING, None)
    stopped = server is not None and not server.running
    if server is not None and stopped:
        server.start()
    yield
    if stopped:
        pytest.fail(
            "This test has stopped trophy_server, which all tests share. It was started anew, empty; to stop a server, "
            "make one: MockServer().",
            pytrace=False,
        )


@pytest.fixture(scope="session")
def trophy_options() -> dict[str, Any]:
    """Options of `MockServer` for the session's server; a conftest.py may replace this fixture by its own."""
    return {}


@pytest.fixture(scope="session")
def trophy_server(trophy_options: dict[str, Any], pytestconfig: pytest.Config) -> Iterator[MockServer]:
    """A server on a free port, one for each process of pytest-xdist."""
    from mockserver.testing import MockServer

    with MockServer(**trophy_options) as server:
        pytestconfig.stash[RUNNING] = server
        yield server
        del pytestconfig.stash[RUNNING]


@pytest.fixture
def trophy_world(trophy_server: MockServer, request: pytest.FixtureRequest) -> Iterator[MadeWorld]:
    """A fresh world that no other test sees. `@pytest.mark.trophy_world(users=10, frozen=True)` says how it is made;
    of several markers (module, class, test) the nearest one has the last word, option by option."""
    options: dict[str, Any] = {}
    for marker in reversed(list(request.node.iter_markers("trophy_world"))):
        options |= marker.kwargs
    with trophy_server.world(**options) as world:
        yield world


def _fault_of_markers(item: pytest.Item) -> str | None:
    """What is wrong with the nearest `trophy_world` marker that has something wrong."""
    from difflib import get_close_matches

    spelling = f"@pytest.mark.trophy_world({', '.join(f'{name}=…' for name in OPTIONS)})"
    for marker in item.iter_markers("trophy_world"):
        if marker.args:
            given = ", ".join(map(repr, marker.args))
            return f"The marker trophy_world takes its options by name, not {given}. Write {spelling}."
        unknown = [name for name in marker.kwargs if name not in OPTIONS]
        if unknown:
            near = get_close_matches(unknown[0], OPTIONS, 1)
            did_you_mean = f" Did you mean {near[0]!r}?" if near else ""
            return f"The marker trophy_world has no option {unknown[0]!r}.{did_you_mean} Write {spelling}."
    return None
