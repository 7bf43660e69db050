"""The vendor's own models read every successful response and webhook, and the snippets that examples print work."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import sdk_payloads
from example_batches import NAMES, batch, declared, loaded_spec
from processes import KEY, serving
from receiver import Receiver
from trophy import NotificationPreferences, TrophyApi, TrophyApiEnvironment, UpsertedUser
from trophy.core.pydantic_utilities import UniversalBaseModel

from mockserver.examples.writing import GONE, HANDLER, SECRET, SERVER, write
from mockserver.spec.parameters import snake_case
from mockserver.webhooks.signing import verify

OPERATIONS = [name for name, part in declared() if part == "request"]
WEBHOOKS = [name for name, part in declared() if part == "webhook"]
MODELS = {"user": UpsertedUser, "notifications": NotificationPreferences}


def plain(found: Any) -> Any:
    """What the SDK returns, as JSON with the spec's names."""
    if isinstance(found, list):
        return [plain(row) for row in found]
    assert isinstance(found, UniversalBaseModel)
    return json.loads(found.json())


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("name", NAMES)
def test_the_sdk_reads_every_successful_response_and_loses_nothing(name: str, operation: str) -> None:
    made = batch(name)
    success = loaded_spec().operations[operation].success
    example, example_request = made[operation, str(success)][0], made[operation, "request"][0].request
    assert example_request is not None

    def respond(request: httpx.Request) -> httpx.Response:
        assert request.url.path == "/v1" + example_request.target(loaded_spec().operations[operation]).partition("?")[0]
        return httpx.Response(success, json=example.body)

    arguments = {
        snake_case(key): value for key, value in example_request.parameters(loaded_spec().operations[operation]).items()
    }
    for key, value in (example_request.body or {}).items():
        model = MODELS.get(key)
        arguments[snake_case(key)] = model(**{snake_case(k): v for k, v in value.items()}) if model else value
    group, _, method = operation.partition("_")
    if operation in GONE and not hasattr(getattr(TrophyApi(api_key=KEY), group), method):
        pytest.skip("this version of the client has no such method")
    environment = TrophyApiEnvironment(api="http://mock/v1", admin="http://mock/admin/v1")
    with httpx.Client(transport=httpx.MockTransport(respond)) as transport:
        client = TrophyApi(api_key=KEY, environment=environment, httpx_client=transport)
        found = getattr(getattr(client, group), "all_" if method == "all" else method)(**arguments)
    assert same(plain(found), example.body)


def same(read: Any, sent: Any) -> bool:
    """Whether all that was sent is in what was read; the SDK may write dates its own way and add empty fields."""
    if isinstance(sent, dict):
        return all(same(read[key], value) for key, value in sent.items() if value is not None)
    if isinstance(sent, list):
        return len(read) == len(sent) and all(map(same, read, sent))
    return read == sent or (isinstance(sent, str) and read[:19] == sent[:19])


@pytest.mark.parametrize("kind", WEBHOOKS)
@pytest.mark.parametrize("name", NAMES)
def test_the_sdk_reads_every_webhook(name: str, kind: str) -> None:
    body = batch(name)[kind, "webhook"][0].body
    assert same(plain(sdk_payloads.parse(body)), body)


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with serving("--users", "24", "--history-days", "45", "--now", "2026-01-15T12:00:00Z", "--frozen") as url:
        yield url.removesuffix("/v1")


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_request_can_be_pasted_as_curl(server: str, operation: str) -> None:
    example = batch()[operation, "request"][0]
    text = write([example], "curl", loaded_spec()).replace(SERVER, server)
    curl = text.replace("curl ", "curl -sS -w '%{http_code}' ", 1)
    done = subprocess.run(["bash", "-c", curl], capture_output=True, text=True, timeout=30)
    success = str(loaded_spec().operations[operation].success)
    assert (done.stdout[-3:], done.stderr) == (success, ""), done.stdout


def test_every_request_can_be_pasted_as_python(server: str) -> None:
    snippets = [write(batch()[name, "request"], "python", loaded_spec()) for name in OPERATIONS]
    assert all(
        ".all_(" in snippet or f".{name.partition('_')[2]}(" in snippet
        for name, snippet in zip(OPERATIONS, snippets, strict=True)
        if name not in GONE
    )
    script = "\n".join(snippets).replace(SERVER, server)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) >= len(OPERATIONS)


@pytest.mark.parametrize("status", ["400", "401", "404", "422"])
def test_a_bad_request_can_be_pasted_too(server: str, status: str) -> None:
    example = batch()["users_update", status][0]
    for form, command in (("curl", ["bash", "-c"]), ("python", [sys.executable, "-c"])):
        text = write([example], form, loaded_spec()).replace(SERVER, server).replace("curl ", "curl -sS ", 1)
        done = subprocess.run([*command, text], capture_output=True, text=True, timeout=30)
        # A server on a loopback address goes on: which keys there are.
        begins = json.dumps(example.body, separators=(",", ":"), ensure_ascii=False).removesuffix('"}')
        assert begins in done.stdout, done.stderr


@pytest.mark.parametrize("form", ["curl", "python"])
def test_a_webhook_can_be_sent_to_a_handler_and_its_signature_holds(form: str) -> None:
    example = batch()["leaderboard.changed", "webhook"][0]
    with Receiver().running() as receiver:
        text = write([example], form, loaded_spec()).replace(HANDLER, receiver.url)
        command = ["bash", "-c"] if form == "curl" else [sys.executable, "-c"]
        subprocess.run([*command, text], capture_output=True, check=True, timeout=30)
        (got,) = receiver.received
    assert got.signature
    assert verify(SECRET, got.body, got.signature)
    assert json.loads(got.body) == example.body
