"""Beside two fakes of other services that keep state too: moto's server (DynamoDB) and localstripe."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from statistics import median
from urllib.request import Request, urlopen

from benchmarks import targets
from benchmarks.load import EVENT, Call, Run, loaded, middle
from benchmarks.processes import HOST, Running, free_port, running
from benchmarks.tables import Cell, console, show
from mockserver.seed import seeded_id

PACKAGES = ("moto[dynamodb,server]==5.2.5", "localstripe==1.15.10")
USERS = 50

DYNAMO = {
    "Authorization": "AWS4-HMAC-SHA256 Credential=test/20250101/us-east-1/dynamodb/aws4_request, "
    "SignedHeaders=host, Signature=0",
    "Content-Type": "application/x-amz-json-1.0",
}
TARGET = "DynamoDB_20120810."
TABLE = (
    b'{"TableName":"totals","BillingMode":"PAY_PER_REQUEST","KeySchema":[{"AttributeName":"user","KeyType":"HASH"}],'
    b'"AttributeDefinitions":[{"AttributeName":"user","AttributeType":"S"}]}'
)
PUT_ITEM = Call(
    "moto: PutItem",
    "PutItem",
    "POST",
    (("/", '{"TableName":"totals","Item":{"user":{"S":"USER"},"total":{"N":"VALUE400"}}}'),),
    (*DYNAMO.items(), ("X-Amz-Target", f"{TARGET}PutItem")),
)
CUSTOMER = Call(
    "localstripe: create a customer",
    "customers",
    "POST",
    (("/v1/customers", "name=USER&description=VALUE400"),),
    (("Authorization", "Bearer sk_test_12345"), ("Content-Type", "application/x-www-form-urlencoded")),
)


def install() -> Path | None:
    """The Python of an environment that has both, made at its first use. None: PyPI cannot be reached."""
    directory = targets.cache() / "stateful"
    python, ready = directory / "bin" / "python", directory / ".installed"
    wanted = "\n".join(PACKAGES)
    if not ready.exists() or ready.read_text() != wanted:
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(directory)], check=True)
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *PACKAGES]
        if subprocess.run(pip, stderr=subprocess.DEVNULL, check=False).returncode:
            return None
        ready.write_text(wanted)
    return python


@contextmanager
def moto(python: Path) -> Iterator[Running]:
    """With a table for totals by user."""
    port = free_port()
    command = [str(python), "-m", "moto.server", "-H", HOST, "-p", str(port)]
    with open(os.devnull, "wb") as log, running(command, port, "/moto-api/data.json", errors=log) as server:
        headers = DYNAMO | {"X-Amz-Target": f"{TARGET}CreateTable"}
        urlopen(Request(f"http://{HOST}:{port}/", TABLE, headers)).close()
        yield server


@contextmanager
def localstripe(python: Path) -> Iterator[Running]:
    port = free_port()
    command = [str(python), "-m", "localstripe", "--port", str(port), "--from-scratch"]
    with open(os.devnull, "wb") as log, running(command, port, "/js.stripe.com/v3/", errors=log) as server:
        yield server


def show_stateful(seconds: float, rounds: int) -> None:
    """Requests per second of one write, and starts; an event of ours follows all rules."""
    python = install()
    if python is None:
        console.print("moto and localstripe are left out: they want PyPI.")
        return
    ways: dict[Call, Callable[[], AbstractContextManager[Running]]] = {
        EVENT: lambda: targets.ours("--users", str(USERS)),
        PUT_ITEM: lambda: moto(python),
        CUSTOMER: lambda: localstripe(python),
    }
    runs: dict[Call, list[Run]] = {call: [] for call in ways}
    starts: dict[Call, list[float]] = {call: [] for call in ways}
    users = [seeded_id(number) for number in range(USERS)]
    for number in range(rounds + 1):
        for call, way in ways.items():
            with ExitStack() as stack:
                server = stack.enter_context(way())
                prefix = targets.PREFIX if call is EVENT else ""
                loaded(call, server, prefix, users, min(1.0, seconds))
                if number:  # the first round only warms up
                    runs[call].append(loaded(call, server, prefix, users, seconds))
                    starts[call].append(server.seconds)
    ours, started = middle(runs[EVENT]).rate, median(starts[EVENT])
    rows: list[list[Cell]] = []
    for call in ways:
        run, start = middle(runs[call]), median(starts[call])
        ratios: list[Cell] = [None, None] if call is EVENT else [ours / run.rate, started / start]
        rows.append([f"ours: {call.name}" if call is EVENT else call.name, run.rate, ratios[0], start, ratios[1]])
    heads = ("one write", "requests/s", "ours ÷", "start in seconds", "ours ÷")
    show("Beside others that keep state", heads, rows)
