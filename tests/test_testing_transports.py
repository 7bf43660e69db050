"""Clients of httpx and httpx2 that reach a server without a socket meet there what they meet at one."""

from __future__ import annotations

import asyncio
from types import ModuleType

import httpx
import httpx2
import pytest

from mockserver.testing import MockServer

LIBRARIES = pytest.mark.parametrize("library", [httpx, httpx2], ids=lambda library: library.__name__)
EVENT = {"user": {"id": "ada"}, "value": 3}


@LIBRARIES
def test_a_sync_client_needs_no_socket(library: ModuleType) -> None:
    with MockServer(socket=False) as server, library.Client(transport=server.transport(library)) as client:
        headers = {"X-API-KEY": server.api_key}
        body = {"user": {"id": "a/b c"}, "value": 3}
        event = client.post(f"{server.url}/metrics/words-written/event", json=body, headers=headers)
        assert (event.status_code, event.json()["total"]) == (201, 3)
        streak = client.get(f"{server.url}/users/a%2Fb%20c/streak?historyPeriods=2", headers=headers)
        assert len(streak.json()["streakHistory"]) == 2
        server.faults(drops={"every": 1})
        with pytest.raises(library.RemoteProtocolError, match="dropped"):
            client.get(f"{server.url}/achievements", headers=headers)


@LIBRARIES
def test_an_async_client_needs_no_socket(library: ModuleType) -> None:
    async def story() -> None:
        async with MockServer(socket=False) as server:
            transport = library.ASGITransport(app=server.app)
            async with library.AsyncClient(transport=transport, headers={"X-API-KEY": server.api_key}) as client:
                body = {"user": {"id": "ada"}, "value": 3}
                path = f"{server.url}/metrics/words-written/event"
                responses = await asyncio.gather(*(client.post(path, json=body) for _ in range(10)))
                assert sorted(response.json()["total"] for response in responses) == list(range(3, 33, 3))
                assert (await client.get("http://mockserver/_mock/clock")).json()["frozen"] is False

    asyncio.run(story())


@LIBRARIES
def test_async_clients_have_the_same_transport(library: ModuleType) -> None:
    async def story() -> None:
        async with MockServer(socket=False) as server:
            transport = server.transport(library)
            async with library.AsyncClient(transport=transport, headers={"X-API-KEY": server.api_key}) as client:
                path = f"{server.url}/metrics/words-written/event"
                responses = await asyncio.gather(*(client.post(path, json=EVENT) for _ in range(10)))
                assert sorted(response.json()["total"] for response in responses) == list(range(3, 33, 3))
                await server.faults(drops={"every": 1})
                with pytest.raises(library.RemoteProtocolError, match="dropped"):
                    await client.get(f"{server.url}/achievements")
            async with library.AsyncClient(transport=library.ASGITransport(app=server.app)) as client:
                with pytest.raises(ConnectionResetError, match="dropped"):  # as docs/control.md says
                    await client.get(f"{server.url}/achievements", headers={"X-API-KEY": server.api_key})

    asyncio.run(story())


@LIBRARIES
@pytest.mark.parametrize("socket", [True, False], ids=["socket", "transport"])
def test_a_client_that_loses_patience_says_so_and_what_it_asked_for_is_done_and_logged(
    library: ModuleType, socket: bool
) -> None:
    async def awaited(server: MockServer, headers: dict[str, str]) -> None:
        transport = library.AsyncHTTPTransport() if socket else server.transport(library)
        async with library.AsyncClient(transport=transport, timeout=0.1, headers=headers) as client:
            with pytest.raises(library.ReadTimeout):
                await client.post(f"{server.url}/metrics/words-written/event", json=EVENT)

    with MockServer(socket=socket) as server:
        transport = library.HTTPTransport() if socket else server.transport(library)
        headers = {"X-API-KEY": server.api_key}
        with library.Client(transport=transport, timeout=0.1, headers=headers) as client:
            server.faults(latency={"ms": 400})
            with pytest.raises(library.ReadTimeout):
                client.post(f"{server.url}/metrics/words-written/event", json=EVENT)
            asyncio.run(awaited(server, headers))
            patient = client.post(f"{server.url}/metrics/words-written/event", json=EVENT, timeout=30)
            assert patient.json()["total"] == 9  # the other two have had their 400 milliseconds by now
        actual = server.requests(operation="metrics_event")
        assert [(row["status"], row["response"]["total"]) for row in actual] == [(201, 9), (None, 6), (None, 3)]
