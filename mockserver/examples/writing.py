"""An example as text: as data, or as something that can be sent.

`curl`, `http` and `python` write the request itself, the request behind a response (`http`: the response), or a signed
webhook on its way to a handler.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, NamedTuple

import orjson

from mockserver.examples.batch import REQUEST, WEBHOOK, Example
from mockserver.examples.requests import ExampleRequest
from mockserver.spec import Operation, Spec
from mockserver.spec.parameters import snake_case
from mockserver.webhooks.signing import HEADER, sign

SERVER = "http://127.0.0.1:8080"
HANDLER = "http://127.0.0.1:3000/webhooks"
SECRET = "whsec_example"

# Format → how files with it end.
FORMATS = {"json": "json", "jsonl": "jsonl", "yaml": "yaml", "curl": "sh", "http": "http", "python": "py"}

# Body fields that the SDK wants as models of its own.
MODELS = {"user": "UpsertedUser", "notifications": "NotificationPreferences"}


GONE = {"streaks_rankings"}  # newer versions of the SDK have no method for it


class Message(NamedTuple):
    """An HTTP request as it is sent."""

    method: str
    url: str
    headers: dict[str, str]
    body: bytes


def write(examples: list[Example], form: str, spec: Spec) -> str:
    """The examples in one of the `FORMATS`, with a line break at the end. Several as JSON or YAML are a list."""
    bodies = [example.body for example in examples]
    if form == "jsonl":
        return "".join(f"{json.dumps(body, ensure_ascii=False)}\n" for body in bodies)
    if form in ("json", "yaml"):
        whole = bodies[0] if len(bodies) == 1 else bodies
        return f"{json.dumps(whole, ensure_ascii=False, indent=2)}\n" if form == "json" else _yaml(whole)
    return "\n".join(WRITERS[form](example, spec) for example in examples)


def message(example: Example, spec: Spec) -> Message:
    """The request of an example: itself, the one behind a response, or the one that carries a webhook."""
    if example.request is None:
        body = orjson.dumps(example.body)
        return Message("POST", HANDLER, {"Content-Type": "application/json", HEADER: sign(SECRET, body)}, body)
    request, operation = example.request, spec.operations[example.name]
    url = f"{SERVER}{spec.prefix}{request.target(operation)}"
    return Message(operation.method, url, request.all_headers(), request.content())


def _yaml(body: Any) -> str:
    import yaml

    return str(yaml.safe_dump(body, allow_unicode=True, sort_keys=False, width=100))


def _curl(example: Example, spec: Spec) -> str:
    sent = message(example, spec)
    lines = ["curl" if sent.method == "GET" else f"curl -X {sent.method}"]
    lines[0] += f" {shlex.quote(sent.url)}"
    lines += [f"  -H {shlex.quote(f'{name}: {value}')}" for name, value in sent.headers.items()]
    if sent.body:
        lines.append(f"  --data-raw {shlex.quote(sent.body.decode(errors='replace'))}")
    return " \\\n".join(lines) + "\n"


def _http(example: Example, spec: Spec) -> str:
    """A message as RFC 9112 has it, but for line ends; editors with a REST client can send requests."""
    if example.part in (REQUEST, WEBHOOK):
        sent = message(example, spec)
        _, _, rest = sent.url.partition("://")
        host, _, path = rest.partition("/")
        lines = [f"{sent.method} /{path} HTTP/1.1", f"Host: {host}"]
        lines += [f"{name}: {value}" for name, value in sent.headers.items()]
        return "\n".join(lines) + f"\n\n{sent.body.decode(errors='replace')}\n"
    status = HTTPStatus(int(example.part))
    body = orjson.dumps(example.body).decode()
    return f"HTTP/1.1 {status.value} {status.phrase}\nContent-Type: application/json\n\n{body}\n"


def _python(example: Example, spec: Spec) -> str:
    """A call of the official SDK, or the plain request where the SDK would not send such a thing."""
    good = example.part == REQUEST or example.part.startswith("2")
    if example.request is None or not good or "Tenant-ID" in example.request.headers or example.name in GONE:
        return _urllib(message(example, spec))
    operation = spec.operations[example.name]
    arguments = _arguments(example.request, operation)
    models = [model for name, model in MODELS.items() if name in arguments]
    group, _, method = operation.id.partition("_")
    function = f"trophy.{group}.all_" if method == "all" else f"trophy.{group}.{method}"
    environment = f'TrophyApiEnvironment(api="{SERVER}{spec.prefix}", admin="{SERVER}/admin/v1")'
    return (
        f"from trophy import {', '.join(['TrophyApi', 'TrophyApiEnvironment', *models])}\n\n"
        f"environment = {environment}\n"
        f'trophy = TrophyApi(api_key="{example.request.key}", environment=environment)\n'
        f"response = {_call(function, arguments)}\n"
        "print(response)\n"
    )


def _call(function: str, arguments: dict[str, Any]) -> str:
    written = [f"{name}={_literal(name, value)}" for name, value in arguments.items()]
    short = f"{function}({', '.join(written)})"
    return short if len(short) <= 100 else f"{function}(\n" + "".join(f"    {row},\n" for row in written) + ")"


def _arguments(request: ExampleRequest, operation: Operation) -> dict[str, Any]:
    """The SDK's keyword arguments: path and query, then headers, then the fields of the body."""
    found: dict[str, Any] = {snake_case(name): value for name, value in request.parameters(operation).items()}
    found |= {snake_case(name): value for name, value in request.headers.items()}
    body = {snake_case(name): value for name, value in (request.body or {}).items() if name not in found}
    return found | body


def _literal(name: str, value: Any) -> str:
    """The value as Python source; `name` tells whether the SDK wants a model."""
    if name in MODELS:
        fields = ", ".join(f"{snake_case(key)}={_literal('', inner)}" for key, inner in value.items())
        return f"{MODELS[name]}({fields})"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, list):
        return f"[{', '.join(_literal('', inner) for inner in value)}]"
    if isinstance(value, dict):
        pairs = (f"{_literal('', key)}: {_literal('', inner)}" for key, inner in value.items())
        return f"{{{', '.join(pairs)}}}"
    return repr(value)


def _urllib(sent: Message) -> str:
    lines = ["from urllib.error import HTTPError", "from urllib.request import Request, urlopen", ""]
    lines += [f"url = {sent.url!r}", f"headers = {sent.headers!r}"]
    body = f", {sent.body!r}" if sent.body else ""
    lines += [f"request = Request(url{body}, headers=headers, method={sent.method!r})"]
    lines += ["try:", "    response = urlopen(request)", "except HTTPError as error:", "    response = error"]
    return "\n".join([*lines, "print(response.status, response.read().decode())", ""])


WRITERS: dict[str, Callable[[Example, Spec], str]] = {"curl": _curl, "http": _http, "python": _python}
