"""Fixtures for tests against the fake Trophy: one server for the session, and a fresh world for each test.

Imported by every pytest that finds this package, so it imports nothing until a fixture is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from mockserver.testing import MadeWorld, MockServer


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "trophy_world(**options): those of MockServer.world for the fixture's world.")


@pytest.fixture(scope="session")
def trophy_options() -> dict[str, Any]:
    """Options of `MockServer` for the session's server; a conftest.py may replace this fixture by its own."""
    return {}


@pytest.fixture(scope="session")
def trophy_server(trophy_options: dict[str, Any]) -> Iterator[MockServer]:
    """A server on a free port, one for each process of pytest-xdist."""
    from mockserver.testing import MockServer

    with MockServer(**trophy_options) as server:
        yield server


@pytest.fixture
def trophy_world(trophy_server: MockServer, request: pytest.FixtureRequest) -> Iterator[MadeWorld]:
    """A fresh world that no other test sees. `@pytest.mark.trophy_world(users=10, frozen=True)` says how it is made."""
    marker = request.node.get_closest_marker("trophy_world")
    with trophy_server.world(**(marker.kwargs if marker else {})) as world:
        yield world
