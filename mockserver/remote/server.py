"""A client for a running server: its address, its headers, and its errors."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from math import isfinite
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

import click

from mockserver.printable import printable

if TYPE_CHECKING:
    import httpx2

JSON = Any
F = TypeVar("F", bound=Callable[..., Any])

TIMEOUT = 600.0  # seconds: to move a clock by years, or to seed thousands of users, takes its time
CONNECT_TIMEOUT = 10.0  # seconds
LOOPBACK = ("localhost", "127.0.0.1", "::1")


class RequestFailed(click.ClickException):
    """One sentence, exit code 2."""

    exit_code = 2


OPTIONS = (
    click.option(
        "--url",
        default="http://127.0.0.1:8080",
        show_default=True,
        envvar="MOCKSERVER_URL",
        show_envvar=True,
        help="Where the server is.",
    ),
    click.option(
        "--api-key",
        default="00000000.local",
        show_default=True,
        envvar=["MOCKSERVER_API_KEY", "TROPHY_API_KEY"],
        show_envvar=True,
        help="The key of the world that it is about.",
    ),
    click.option(
        "--tenant", metavar="ID", envvar="MOCKSERVER_TENANT", show_envvar=True, help="In a catalog with tenants: which."
    ),
    click.option(
        "--control-token", envvar="MOCKSERVER_CONTROL_TOKEN", show_envvar=True, help="Where the server wants one."
    ),
    click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts."),
)


@dataclass(frozen=True)
class Server:
    """`base`: its address, without the API's prefix. `as_json`: whether what it says is printed as it came."""

    base: str
    headers: dict[str, bytes]
    as_json: bool

    def get(self, path: str, **query: object) -> JSON:
        """What a call under `/_mock` returns. Raises `RequestFailed`, as the others do."""
        return self.call("GET", path, query=query)

    def call(self, method: str, path: str, body: JSON = None, query: Mapping[str, object] | None = None) -> JSON:
        """The content of the response, None where there is none. `query`: parameters that are None are left out."""
        with self._client() as client:
            response = client.request(method, f"/_mock{path}", json=_finite(body), params=_given(query or {}))
            return _content(response, self.base)

    def stream(self, path: str, **query: object) -> Iterator[tuple[str, JSON]]:
        """The server-sent events of a call, as type and data, until the server ends."""
        with self._client() as client, client.stream("GET", f"/_mock{path}", params=_given(query)) as response:
            if response.status_code != 200:
                response.read()
                _content(response, self.base)
            kind = ""
            for line in response.iter_lines():
                name, _, value = line.partition(": ")
                if name == "event":
                    kind = value
                elif name == "data":
                    yield kind, json.loads(value)

    @contextmanager
    def _client(self) -> Iterator[httpx2.Client]:
        import httpx2

        trust_env = urlsplit(self.base).hostname not in LOOPBACK  # no proxy is between this machine and itself
        try:
            with httpx2.Client(
                base_url=self.base,
                headers={name.encode(): value for name, value in self.headers.items()},
                timeout=httpx2.Timeout(TIMEOUT, connect=CONNECT_TIMEOUT),
                trust_env=trust_env,
            ) as client:
                yield client
        except (httpx2.RemoteProtocolError, httpx2.ReadError):
            raise RequestFailed(f"The server at {self.base} has ended.") from None
        except (httpx2.HTTPError, httpx2.InvalidURL, UnicodeError):
            raise RequestFailed(
                f"No server responds at {self.base}. Start one with `mockserver serve`, or give --url (MOCKSERVER_URL)."
            ) from None


def _finite(body: JSON) -> JSON:
    """The body of a call as it is. Raises `RequestFailed` for nan and infinity, for which JSON has no word."""
    for name, value in (body or {}).items():
        if isinstance(value, float) and not isfinite(value):
            raise RequestFailed(f"{name} must be a finite number, not {value}.")
    return body


def _base(url: str) -> str:
    """The server's address, without the API's prefix. Raises `RequestFailed` for what is no address."""
    address = url if "://" in url else f"http://{url}"
    try:
        parts = urlsplit(address)
        fits = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        fits = False
    if not fits:
        raise RequestFailed(
            f"--url (MOCKSERVER_URL) must be an address such as http://127.0.0.1:8080, not {printable(repr(url))}."
        )
    return address.rstrip("/").removesuffix("/v1")


def _headers(**given: tuple[str, str | None]) -> dict[str, bytes]:
    """Names and values by option, none where nothing is given. Raises `RequestFailed` for what no header can hold."""
    found = {}
    for option, (name, value) in given.items():
        if value is None:
            continue
        if printable(value) != value or value != value.strip():
            shown = f"--{option.replace('_', '-')}"
            raise RequestFailed(f"{shown} must be on one line, without spaces around it, not {printable(repr(value))}.")
        found[name] = value.encode()
    return found


def _given(query: Mapping[str, object]) -> dict[str, str]:
    """The parameters that are not None. Raises `RequestFailed` for what no query can hold."""
    given = {name: str(value) for name, value in query.items() if value is not None}
    for name, value in given.items():
        if any("\ud800" <= character <= "\udfff" for character in value):
            raise RequestFailed(f"{name} must be UTF-8, not {printable(repr(value))}.")
    return given


def _content(response: httpx2.Response, base: str) -> JSON:
    try:
        content: Any = json.loads(response.content) if response.content else None
        refusal = content["error"] if response.status_code >= 400 else None
    except (ValueError, TypeError, KeyError):
        raise RequestFailed(f"The server at {base} is not the mock server.") from None
    if refusal is not None:
        raise RequestFailed(printable(str(refusal)))
    return content


def with_server_options(command: F) -> F:
    """Gives a command the options that say which server and world it is about, and hands it the `Server`."""

    @wraps(command)
    def with_server(
        *args: Any, url: str, api_key: str, tenant: str | None, control_token: str | None, as_json: bool, **given: Any
    ) -> Any:
        headers = _headers(
            api_key=("X-API-KEY", (api_key.split() or [""])[0]),  # the variable may hold several, as `serve` reads it
            tenant=("Tenant-ID", tenant or None),
            control_token=("X-Control-Token", control_token or None),
        )
        return command(Server(_base(url), headers, as_json), *args, **given)

    decorated: Any = with_server
    for declare in reversed(OPTIONS):
        decorated = declare(decorated)
    return decorated  # type: ignore[no-any-return]


def print_json(value: JSON) -> None:
    click.echo(json.dumps(value, indent=2))


def print_table(titles: Sequence[str], rows: Sequence[Sequence[object]], whole: Sequence[str] = ()) -> None:
    """Columns as wide as what is in them, `whole` those that are never wrapped; what others have sent steers no
    terminal."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for title in titles:
        table.add_column(title, overflow="fold", no_wrap=title in whole)
    for row in rows:
        table.add_row(*(Text("–" if value is None else printable(str(value))) for value in row))
    Console(highlight=False, width=None if sys.stdout.isatty() else 160).print(table)
