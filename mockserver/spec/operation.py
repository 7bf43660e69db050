"""One operation of the spec, compiled: reads a request into typed arguments, checks a response.

Nothing here walks a schema while a request is under way.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote_to_bytes

from jsonschema_rs import Draft202012Validator, ValidationError

from mockserver.api.rendered import Rendered
from mockserver.game.errors import GameError, Refused
from mockserver.spec.bodies import Body, decoded, too_large
from mockserver.spec.parameters import Parameter
from mockserver.spec.wording import pointer

Headers = Sequence[tuple[bytes, bytes]]

# Tests set it, so that what is made from templates that were checked before is checked nevertheless.
CHECK_EVERYTHING = bool(os.environ.get("MOCKSERVER_CHECK_EVERYTHING"))


class Check:
    """A compiled schema that says where a value breaks it."""

    __slots__ = ("_validator",)

    def __init__(self, validator: Draft202012Validator) -> None:
        self._validator = validator

    def __call__(self, value: object) -> str | None:
        """None, or the JSON pointer of the first fault and what is wrong there."""
        try:
            if self._validator.is_valid(value):
                return None
            self._validator.validate(value)
        except ValidationError as error:
            return f"{pointer(error.instance_path) or '(the whole body)'}: {error.message}"
        except (ValueError, TypeError) as error:  # a value that JSON does not have
            return f"(the whole body): {error}"
        return None


@dataclass(frozen=True, slots=True)
class Operation:
    """`path` is the template, `refusals` its column of the table of statuses.

    `success` is the status of a request that was met, `unchanged` that of one that changed nothing: it is another one
    where 201 says that something was made, and 200 that nothing was.
    """

    id: str
    method: str
    path: str
    success: int
    unchanged: int
    refusals: dict[type[GameError], int]
    parameters: tuple[Parameter, ...]
    body: Body | None
    checks: dict[int, Check | None]
    defaults: dict[str, Any] = field(init=False)
    _path: tuple[Parameter, ...] = field(init=False)
    _query: dict[bytes, Parameter] = field(init=False)
    _headers: dict[bytes, Parameter] = field(init=False)
    _required: tuple[Parameter, ...] = field(init=False)

    def __post_init__(self) -> None:
        def at(place: str) -> list[Parameter]:
            return [parameter for parameter in self.parameters if parameter.place == place]

        by_name = {parameter.name: parameter for parameter in at("path")}
        in_order = [part[1:-1] for part in self.path.split("/") if part.startswith("{")]
        elsewhere = [*at("query"), *at("header")]
        fill = object.__setattr__
        fill(self, "_path", tuple(by_name[name] for name in in_order))
        fill(self, "_query", {parameter.name.encode(): parameter for parameter in at("query")})
        fill(
            self,
            "_headers",
            {parameter.name.lower().encode(): parameter for parameter in at("header")},
        )
        fill(self, "_required", tuple(parameter for parameter in elsewhere if parameter.required))
        fill(self, "defaults", {parameter.argument: parameter.default for parameter in elsewhere})

    @property
    def arguments(self) -> frozenset[str]:
        """The keyword arguments that `read` returns."""
        names = {parameter.argument for parameter in self.parameters}
        return frozenset(names | {"body"} if self.body else names)

    def read(
        self,
        values: Sequence[bytes],
        query: bytes,
        headers: Mapping[bytes, bytes],
        body: bytes | None,
        repeated: Headers = (),
    ) -> dict[str, Any]:
        """The request as keyword arguments, defaults filled in; None for what is absent and has none.

        `values`: the path's variables in order, percent-encoded. `headers`: lower-case names. `body` None: too large
        to be read. `repeated`: all headers, needed only when any came several times. Raises Refused
        or Unreadable (behaviour, section 2), looking at the path, the query, the headers, then the body.
        """
        arguments = self.defaults.copy()
        for parameter, raw in zip(self._path, values, strict=True):
            arguments[parameter.argument] = parameter.read(parameter.decode(raw))
        if query and self._query:
            self._read_query(query, arguments)
        if repeated:
            self._refuse_repeated(repeated)
        for name, parameter in self._headers.items():
            if (given := headers.get(name)) is not None:
                arguments[parameter.argument] = parameter.read(header_text(given))
        for parameter in self._required:
            if arguments[parameter.argument] is None:
                raise Refused(f"{parameter.subject} is required: {parameter.expected}.")
        if self.body is not None:
            arguments["body"] = _read_body(self.body, headers, body)
        return arguments

    def _read_query(self, query: bytes, arguments: dict[str, Any]) -> None:
        """`a=1&b=2`, plus signs and escapes decoded; undeclared names are ignored."""
        seen = set()
        for pair in query.split(b"&"):
            raw_name, _, raw = pair.partition(b"=")
            name = _form(raw_name)
            parameter = self._query.get(unquote_to_bytes(name) if b"%" in name else name)
            if parameter is None:
                continue
            value = parameter.read(parameter.decode(_form(raw)))
            if parameter.name not in seen:
                arguments[parameter.argument] = [value] if parameter.many else value
                seen.add(parameter.name)
            elif parameter.many:
                arguments[parameter.argument].append(value)
            else:
                raise Refused(f"{parameter.subject} must be given once, not several times.")

    def _refuse_repeated(self, headers: Headers) -> None:
        for name, parameter in self._headers.items():
            if sum(given == name for given, _ in headers) > 1:
                raise Refused(f"{parameter.subject} must be given once, not several times.")

    def check_response(self, status: int, response: object) -> str | None:
        """None, or where `response` (plain JSON values, or rendered) breaks what the spec declares for `status`."""
        try:
            check = self.checks[status]
        except KeyError:
            return f"(the status): {status} is not declared by {self.id}"
        if check is None:
            return None
        if type(response) is not Rendered:  # `isinstance` of a Mapping asks the ABC, with every response
            return check(response)
        if not CHECK_EVERYTHING and response.has_passed(check):
            return None
        fault = check(response.content)
        if fault is None:
            response.note_passed(check)
        return fault


def _read_body(declared: Body, headers: Mapping[bytes, bytes], body: bytes | None) -> Any:
    if body is None:
        raise too_large()
    if (encoding := headers.get(b"content-encoding")) is not None:
        body = decoded(encoding, body)
    return declared.read(headers.get(b"content-type"), body)


def _form(raw: bytes) -> bytes:
    return raw.replace(b"+", b" ") if b"+" in raw else raw


def header_text(raw: bytes) -> str:
    """A header's text. Choice: UTF-8 where the bytes are, else Latin-1, since clients disagree."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")
