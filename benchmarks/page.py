"""What it costs a busy world when its page in a browser is loaded again and again, and its facts are streamed."""

from __future__ import annotations

import selectors
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from statistics import median

from benchmarks import targets
from benchmarks.load import EVENT, loaded
from benchmarks.processes import HOST, KEY, send_request
from benchmarks.tables import Cell, judged, show
from mockserver.seed import seeded_id

USERS = 50
STREAMS = 100
OPENED_EVERY = 1.0  # seconds
LEAST = 0.95  # of the events without page and streams


def show_watched(seconds: float, rounds: int) -> None:
    """Events per second of the server's core: alone, with the page opened every second, with a hundred streams."""
    ways = {"alone": _nobody, f"the page opened every {OPENED_EVERY:g} s": _page, f"{STREAMS} streams": _streams}
    rates: dict[str, list[float]] = {name: [] for name in ways}
    users = [seeded_id(number) for number in range(USERS)]
    with targets.ours("--users", str(USERS)) as server:
        loaded(EVENT, server, "/v1", users, min(1.0, seconds))
        for _ in range(rounds):
            for name, way in ways.items():
                with way(server.port):
                    rates[name].append(loaded(EVENT, server, "/v1", users, seconds).rate)
    rows: list[list[Cell]] = []
    for name, found in rates.items():
        ratio = median(rate / alone for rate, alone in zip(found, rates["alone"], strict=True))
        rows.append([name, median(found), None if name == "alone" else judged(ratio, least=LEAST)])
    show("Events per second of the server's core while somebody looks", ("who looks", "events/s", "÷ alone"), rows)


@contextmanager
def _nobody(port: int) -> Iterator[None]:
    yield


@contextmanager
def _page(port: int) -> Iterator[None]:
    """Requests the overview again and again."""
    over = threading.Event()

    def look() -> None:
        while not over.wait(OPENED_EVERY):
            status, _ = send_request(port, "GET", "/_mock/ui")
            assert status == 200, status

    looking = threading.Thread(target=look)
    looking.start()
    try:
        yield
    finally:
        over.set()
        looking.join()


@contextmanager
def _streams(port: int) -> Iterator[None]:
    """Connections that stream facts and ignore them."""
    with ExitStack() as stack, selectors.DefaultSelector() as selector:
        for _ in range(STREAMS):
            connection = stack.enter_context(socket.create_connection((HOST, port)))
            head = f"GET /_mock/stream HTTP/1.1\r\nHost: {HOST}\r\nX-API-KEY: {KEY}\r\n\r\n"
            connection.sendall(head.encode())
            assert connection.recv(12) == b"HTTP/1.1 200"
            selector.register(connection, selectors.EVENT_READ)
        over = threading.Event()

        def hear() -> None:
            while not over.is_set():
                for key, _ in selector.select(0.1):
                    key.fileobj.recv(1 << 20)  # type: ignore[union-attr]

        hearing = threading.Thread(target=hear)
        hearing.start()
        try:
            yield
        finally:
            over.set()
            hearing.join()
