"""The implementation under test: it is reached, tried with three harmless requests, and refused if it is no Trophy API.

Only this file knows our own server, and of it only the command that starts it.
"""

from __future__ import annotations

import os
import queue
import re
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from contract_tests.client import CONTROL_TOKEN, Client, NoResponse, RateLimiter
from contract_tests.exchange import Exchange
from contract_tests.options import PARTS, Options
from contract_tests.printable import printable
from contract_tests.spec import Spec

LIVE_DOMAIN = "trophy.so"
LIVE_RATE = 10.0  # events a second that the real service allows
OWN_KEY = "contract.suite"
STARTS_WITHIN = 60.0
PROBES = ("achievements_all", "leaderboards_all", "streaks_rankings")


class CannotRun(Exception):
    """The suite cannot run; one sentence says why. Exit code 2."""


@dataclass
class Target:
    """A reachable implementation. `control` is the path of its control plane, if it has one like ours.

    `no_control` says why there is none.
    """

    client: Client
    spec: Spec
    own: bool
    control: str | None
    stop: Callable[[], None]
    no_control: str = "no /_mock control plane"

    @property
    def local(self) -> bool:
        return urlsplit(self.client.base_url).hostname in ("127.0.0.1", "localhost", "::1")

    @property
    def live(self) -> bool:
        return is_live(self.client.base_url)


def is_live(url: str) -> bool:
    """Whether this is the vendor's own service."""
    host = (urlsplit(url).hostname or "").rstrip(".").lower()
    return host == LIVE_DOMAIN or host.endswith("." + LIVE_DOMAIN)


def spec_path() -> Path:
    """The built-in spec: beside the package in a checkout, among the package's data when installed."""
    root = Path(__file__).resolve().parents[1]
    places = (root / "openapi.json", root / "mockserver" / "data" / "openapi.json")
    found = next((place for place in places if place.is_file()), None)
    if found is None:
        raise CannotRun("The OpenAPI document is missing from this installation; pass --document FILE.")
    return found


def load_spec(options: Options) -> Spec:
    """The spec to test against. Raises `CannotRun` when it cannot be read."""
    path = options.document or spec_path()
    try:
        return Spec.load(path)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CannotRun(f"{path} cannot be read as an OpenAPI document: {error}.") from error


def check_options(options: Options) -> None:
    """Raises `CannotRun` for options that make no sense."""
    unknown = [part for part in options.parts if part not in PARTS]
    if unknown:
        raise CannotRun(f"--parts: {unknown[0]} is not one of {', '.join(PARTS)}.")
    if options.rate is not None and not options.rate > 0:
        raise CannotRun(f"--rate must be above 0 requests per second, not {options.rate:g}.")
    if options.update_baseline and options.baseline is None:
        raise CannotRun("--update-baseline needs a file to write: pass --baseline FILE too.")
    headers = {"api-key": options.api_key, "tenant": options.tenant, "control-token": options.control_token}
    for name, value in headers.items():
        if value is not None and (printable(value) != value or value != value.strip()):
            raise CannotRun(f"--{name} must be on one line, without spaces around it.")


def connect(
    options: Options,
    observer: Callable[[Exchange], None],
    on_no_response: Callable[[NoResponse], None] | None = None,
) -> Target:
    """Find the target or start it. Raises `CannotRun`."""
    check_options(options)
    spec = load_spec(options)
    if options.base_url is None:
        url, stop = start_own_server(OWN_KEY, options.document)
        options_key, own = OWN_KEY, True
    else:
        url, stop, own = _base_url(options.base_url, spec), lambda: None, False
        if is_live(url) and not options.allow_live:
            raise CannotRun(f"{url} is the live service; pass --allow-live if you mean it.")
        if not options.api_key:
            raise CannotRun("An API key is needed: pass --api-key KEY.")
        options_key = options.api_key
    rate = options.rate
    if is_live(url):
        rate = min(rate or LIVE_RATE, LIVE_RATE)
    client = Client(url, options_key, spec, tenant=options.tenant, rate_limiter=RateLimiter(rate), observer=observer)
    client.control_token = options.control_token
    target = Target(client, spec, own, None, stop)
    try:
        check_api(client)
        _find_control(target)
        client.on_no_response = on_no_response
    except CannotRun:
        client.connections.close()
        stop()
        raise
    return target


def _base_url(given: str, spec: Spec) -> str:
    """With a scheme, and with the path of the spec's server where none is given."""
    url = given if "://" in given else f"http://{given}"
    try:
        parts = urlsplit(url)
        fits = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        fits = False
    if not fits:
        raise CannotRun(f"{printable(repr(given))} is not an http address, such as http://127.0.0.1:8080/v1.")
    if parts.path in ("", "/"):
        url = url.rstrip("/") + urlsplit(spec.raw["servers"][0]["url"]).path
    return url.rstrip("/")


def check_api(client: Client) -> None:
    """Send requests that change nothing. Raises `CannotRun` for a closed port, a page that is no API, a wrong key."""
    try:
        responses = [client.call(name) for name in PROBES if name in client.spec.operations]
    except NoResponse as error:
        if isinstance(error.cause, OSError):
            raise CannotRun(f"Nothing responds at {client.base_url}: {error.cause}.") from error
        raise CannotRun(f"The server at {client.base_url} does not speak HTTP: {error.cause!r}.") from error
    if all(response.media.split(";")[0] != "application/json" for response in responses):
        kind = responses[0].media or "no content type"
        raise CannotRun(
            f"{client.base_url} is not a Trophy API: it returns {responses[0].status} with {kind}, not JSON."
        )
    if all(response.status in (401, 403) for response in responses):
        raise CannotRun(f"{client.base_url} does not accept this API key: {_status_and_body(responses[0])}")
    if all(400 <= response.status < 500 for response in responses):
        raise CannotRun(f"{client.base_url} refuses even to list achievements: {_status_and_body(responses[0])}")


def _status_and_body(response: Exchange) -> str:
    return f"{response.status} {printable(response.response_body[:200].decode('utf-8', 'replace'))}"


def _find_control(target: Target) -> None:
    """Find the control plane: the clock can be read there. Raises `CannotRun` if it does not accept the token."""
    client = target.client
    try:
        response = client.send("GET", "/_mock/clock", headers=client.control_headers(), below_base=False)
        found: Any = response.json
    except (OSError, AssertionError):
        return
    if response.status == 200 and isinstance(found, dict) and "now" in found:
        target.control = "/_mock"
    elif response.status == 401 and CONTROL_TOKEN in response.error:
        if client.control_token:
            raise CannotRun(f"The control plane of {client.base_url} does not accept this --control-token.")
        target.no_control = "its /_mock control plane wants a token: pass --control-token"


def start_own_server(api_key: str, spec: Path | None = None) -> tuple[str, Callable[[], None]]:
    """Our server on a free port, with a few users. Returns the base URL and a function that stops it."""
    command = [sys.executable, "-m", "mockserver", "serve", "--port", "0", "--api-key", api_key, "--users", "12"]
    command += ["--document", str(spec)] if spec else []
    return start(command)


def start(command: list[str]) -> tuple[str, Callable[[], None]]:
    """Run a command that prints its base URL once it serves. Raises `CannotRun` with its output if it does not."""
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )
    lines: queue.Queue[str | None] = queue.Queue()
    threading.Thread(target=_read, args=(process, lines), daemon=True).start()
    output: list[str] = []
    while (line := _next(lines)) is not None:
        output.append(line.strip())
        if found := re.search(r"https?://[\w.:\[\]-]+/v1", line):
            return found.group(), lambda: _stop(process)
    _stop(process)
    raise CannotRun(f"Our own server did not start: {' '.join(output)[-300:] or 'it printed nothing'}.")


def _read(process: subprocess.Popen[str], lines: queue.Queue[str | None]) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        lines.put(line)
    lines.put(None)


def _next(lines: queue.Queue[str | None]) -> str | None:
    try:
        return lines.get(timeout=STARTS_WITHIN)
    except queue.Empty:
        return None


def _stop(process: subprocess.Popen[str]) -> None:
    """At once: it has nothing to keep, and a server that ends by itself waits for its connections."""
    process.kill()
    process.wait()
    if process.stdout:
        process.stdout.close()
