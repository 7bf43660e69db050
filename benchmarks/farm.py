"""Three servers, three of NATS, HAProxy before them, load on many worlds; each process is killed and started again.

Every accepted event has to be in the totals of every server, once; every webhook has to arrive; and the servers have to
have the same worlds.
"""

from __future__ import annotations

import json
import random
import tempfile
import threading
import time
from collections import Counter
from contextlib import suppress
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import cycle, islice, pairwise, product
from pathlib import Path
from statistics import quantiles
from typing import Any

from benchmarks import targets
from benchmarks.cluster import Processes, haproxy
from benchmarks.processes import HOST, KEY
from benchmarks.tables import Cell, console, judged, machine, show

CLIENTS = 6
ROUNDS = 5
MOST_MORE = 2.0  # milliseconds that an event in the farm takes more than alone
EVENT = "/v1/metrics/words-written/event"
EVENT_CALL, READ_CALL = "POST /metrics/{key}/event", "GET /users/{id}"
WATCHED = 10  # worlds whose webhooks are counted


class Connection:
    """One client's connection, which is opened again when it breaks."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._connection: HTTPConnection | None = None

    def send_request(self, method: str, path: str, key: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        """Status and content; status 0 without a response."""
        sent = {"X-API-KEY": key, "Content-Type": "application/json"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            self._connection = self._connection or HTTPConnection(HOST, self._port, timeout=15)
            self._connection.request(method, path, None if body is None else json.dumps(body), sent)
            response = self._connection.getresponse()
            return response.status, json.loads(response.read() or b"null")
        except (OSError, HTTPException, ValueError):
            if self._connection is not None:
                self._connection.close()
            self._connection = None
            return 0, None

    def must(self, method: str, path: str, key: str, body: Any = None) -> Any:
        """As `send_request`, until it succeeds."""
        for _ in range(200):
            status, content = self.send_request(method, path, key, body)
            if 200 <= status < 300:
                return content
            time.sleep(0.1)
        raise RuntimeError(f"{method} {path}: {status} {content}")


class Load(threading.Thread):
    """Events on random worlds, each with an idempotency key, sent again until it is accepted."""

    def __init__(self, number: int, port: int, worlds: list[str], stop: threading.Event) -> None:
        super().__init__(daemon=True)
        self.accepted: Counter[str] = Counter()
        self.times: list[tuple[float, float]] = []  # when it was accepted, and the milliseconds of the last attempt
        self.again = 0
        self._rng = random.Random(number)
        self._client, self._worlds, self._stopped = Connection(port), worlds, stop
        self._number = number

    def run(self) -> None:
        count = 0
        while not self._stopped.is_set():
            count += 1
            world = self._rng.choice(self._worlds)
            body = {"user": {"id": f"client-{self._number}"}, "value": 1}
            while True:
                began = time.perf_counter()
                status, _ = self._client.send_request(
                    "POST", EVENT, world, body, Idempotency_Key=f"{self._number}-{count}"
                )
                if status == 201:
                    break
                self.again += 1
                time.sleep(0.05)
            self.times.append((time.monotonic(), (time.perf_counter() - began) * 1000))
            self.accepted[world] += 1


class Hooks:
    """Counts the webhooks of streaks by world (its path) and user."""

    def __init__(self) -> None:
        self.seen: Counter[tuple[str, str]] = Counter()
        hooks = self

        class Post(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                hooks.seen[self.path, body["user"]["id"]] += 1
                self.send_response(200)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer((HOST, 0), Post)
        self._server.daemon_threads = True
        self.url = f"http://{HOST}:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()


def show_latency(seconds: float) -> None:
    """One client and one server, alone and with three of NATS, in turn; events and reads, at the 50th percentile."""
    console.print(machine())
    with (
        tempfile.TemporaryDirectory() as root,
        targets.ours("--users", "0") as alone,
        Processes(Path(root), 1, proxied=False) as processes,
    ):
        ports = {"alone": alone.port, "in the farm": processes.ours["server-1"]}
        took: dict[tuple[str, str], list[float]] = {}
        for number in range(ROUNDS + 1):  # the first only warms up
            for (name, port), call in product(ports.items(), (EVENT_CALL, READ_CALL)):
                found = _one_client(port, call, seconds / ROUNDS)
                took.setdefault((name, call), []).extend(found if number else [])
    rows: list[list[Cell]] = []
    for call, (name, _) in product((EVENT_CALL, READ_CALL), ports.items()):
        cuts, first = quantiles(took[name, call], n=100), quantiles(took["alone", call], n=100)[49]
        more = judged(cuts[49] - first, most=MOST_MORE if call == EVENT_CALL and name != "alone" else None, unit=" ms")
        rows.append([call, name, cuts[49], cuts[98], more])
    show("One client, one after the other", ("call", "server", "p50 ms", "p99 ms", "more than alone"), rows)


def _one_client(port: int, call: str, seconds: float) -> list[float]:
    """Milliseconds of each call."""
    client, took, until = Connection(port), [], time.perf_counter() + seconds
    client.must("POST", EVENT, KEY, {"user": {"id": "ada"}, "value": 1})
    while (began := time.perf_counter()) < until:
        if call == EVENT_CALL:
            status, _ = client.send_request("POST", EVENT, KEY, {"user": {"id": "ada"}, "value": 1})
        else:
            status, _ = client.send_request("GET", "/v1/users/ada", KEY)
        if status not in (200, 201):
            raise RuntimeError(f"{call}: {status}")
        took.append((time.perf_counter() - began) * 1000)
    return took


def farm(worlds: int, seconds: float, kills: int) -> None:
    """All tables. SystemExit when something was lost."""
    if haproxy() is None:
        raise SystemExit("haproxy is needed (apt-get install haproxy).")
    rows: list[list[Cell]] = []
    for servers in (1, 2):
        with tempfile.TemporaryDirectory() as root, Processes(Path(root), servers) as processes:
            rows.append(_throughput(processes, servers, worlds, seconds))
    with tempfile.TemporaryDirectory() as root, Processes(Path(root), 3) as processes:
        rows.append(_throughput(processes, 3, worlds, seconds))
        first = rows[0][1]
        for row in rows:
            row.append(float(str(row[1])) / float(str(first)))
        show("Events through the balancer", ("servers", "events/s", "p50 ms", "p99 ms", "÷ one"), rows)
        lost = _killing(processes, worlds, seconds, kills)
    if lost:
        raise SystemExit(1)


def _make(client: Connection, worlds: int) -> list[str]:
    return [client.must("POST", "/_mock/worlds", KEY, {})["apiKey"] for _ in range(worlds)]


def _loaded(processes: Processes, keys: list[str], stop: threading.Event) -> list[Load]:
    loads = [Load(number, processes.proxy, keys, stop) for number in range(CLIENTS)]
    for load in loads:
        load.start()
    return loads


def _throughput(processes: Processes, servers: int, worlds: int, seconds: float) -> list[Cell]:
    stop = threading.Event()
    loads = _loaded(processes, _make(Connection(processes.proxy), worlds // 4), stop)
    time.sleep(seconds)
    stop.set()
    for load in loads:
        load.join()
    times = [took for load in loads for _, took in load.times]
    cuts = quantiles(times, n=100)
    return [str(servers), len(times) / seconds, cuts[49], cuts[98]]


def _killing(processes: Processes, worlds: int, seconds: float, kills: int) -> int:
    """How much was lost, in events, webhooks and worlds that differ."""
    client, hooks, stop = Connection(processes.proxy), Hooks(), threading.Event()
    keys = _make(client, worlds)
    for key in keys[:WATCHED]:
        client.must("POST", "/_mock/webhooks", key, {"url": f"{hooks.url}/{key}", "events": ["streak.started"]})
    loads = _loaded(processes, keys, stop)
    rows: list[list[Cell]] = []
    for name in islice(cycle((*processes.ours, *processes.nats)), kills):
        time.sleep(seconds / 2)
        killed = time.monotonic()
        processes.kill(name)
        time.sleep(seconds / 2)
        processes.start(name)
        processes.ready(name)
        back = time.monotonic()
        time.sleep(seconds / 2)
        moments = sorted(at for load in loads for at, _ in load.times if killed - 1 < at < back + seconds / 2)
        longest = max((after - before for before, after in pairwise(moments)), default=0.0)
        rows.append([name, longest, back - killed])
    stop.set()
    for load in loads:
        load.join()
    show("Killed (-9) under load and started again", ("process", "longest silence s", "away s"), rows)
    return _check(processes, keys, loads, hooks)


def _check(processes: Processes, keys: list[str], loads: list[Load], hooks: Hooks) -> int:
    accepted: Counter[str] = sum((load.accepted for load in loads), Counter())
    clients = {name: Connection(port) for name, port in processes.ours.items()}
    wrong = different = 0
    for key in keys:
        facts = []
        for client in clients.values():
            found = client.must("GET", "/_mock/facts?kind=MetricChanged&limit=1000", key)["facts"]
            facts.append(client.must("GET", "/_mock/facts?limit=1000", key))
            wrong += abs(len(found) - accepted[key]) if accepted[key] <= 1000 else 0
        different += any(one != facts[0] for one in facts)
    wanted = {(f"/{key}", f"client-{load._number}") for key in keys[:WATCHED] for load in loads if load.accepted[key]}
    for _ in range(150):
        if wanted <= set(hooks.seen):
            break
        time.sleep(0.1)
    missing, twice = len(wanted - set(hooks.seen)), sum(count - 1 for count in hooks.seen.values())
    again = sum(load.again for load in loads)
    rows: list[list[Cell]] = [
        ["events accepted", str(sum(accepted.values()))],
        ["… sent again, with the same idempotency key", str(again)],
        ["… too many or too few, over all servers", judged(float(wrong), most=0)],
        ["worlds that differ between servers", judged(float(different), most=0)],
        ["webhooks expected", str(len(wanted))],
        ["… that did not arrive", judged(float(missing), most=0)],
        ["… that arrived more than once", str(twice)],
    ]
    show("What is there afterwards", ("", ""), rows)
    with suppress(OSError):
        hooks._server.shutdown()
    return wrong + different + missing
