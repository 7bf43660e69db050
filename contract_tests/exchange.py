"""One request and its response, and the curl command that repeats the request."""

from __future__ import annotations

import json
import shlex
import time
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from functools import cached_property
from typing import Any

from contract_tests.alike import canonical
from contract_tests.spec import Operation

#: The headers that a shared report must not show, and what a shell line reads them from instead.
API_KEY, CONTROL_TOKEN = "$TROPHY_API_KEY", "$MOCKSERVER_CONTROL_TOKEN"
SECRETS = {"x-api-key": API_KEY, "authorization": API_KEY, "x-control-token": CONTROL_TOKEN}


@dataclass
class Exchange:
    """`url` is complete; `seconds` is what the response took; `status` is 0 when there was none.

    `control`: it went to the control plane. `lines` are those of the suite that it was sent from, innermost first.
    """

    method: str
    url: str
    headers: dict[str, str]
    body: bytes | None
    status: int
    response_headers: dict[str, str]
    response_body: bytes
    operation: Operation | None = None
    path: str = ""
    seconds: float = 0.0
    part: str = ""
    control: bool = False
    lines: tuple[Any, ...] = field(default=(), repr=False)

    @cached_property
    def json(self) -> Any:
        """The response as JSON, all times in one form. Raises `AssertionError` when it is not JSON."""
        try:
            return canonical(json.loads(self.response_body))
        except (ValueError, RecursionError):
            raise AssertionError(f"the body is not JSON: {self.response_body[:80]!r}") from None

    @property
    def error(self) -> str:
        response = self.json
        return str(response.get("error", "")) if isinstance(response, dict) else ""

    @property
    def media(self) -> str:
        return self.response_headers.get("content-type", "")

    @property
    def retry_after(self) -> float | None:
        """Seconds to wait before the request is sent again, after a 429; None for other statuses."""
        if self.status != 429:
            return None
        value = self.response_headers.get("retry-after", "").strip()
        if value.isdecimal():
            return float(value)
        try:
            due = parsedate_to_datetime(value).timestamp()
        except ValueError:
            return 1.0  # what the real service asks for
        return max(0.0, due - time.time())

    @property
    def size(self) -> int:
        """The length of the request in characters: the smaller, the better an example."""
        return len(self.url) + len(self.body or b"") + sum(len(k) + len(v) for k, v in self.headers.items())

    def curl(self, keys: dict[str, str], *, apart: bool = False) -> str:
        """A line for a shell. `keys` are API keys and the variables that stand for them; no other secret is shown.

        `apart`: the response ends with a line break, for one of several.
        """
        words = ["curl", "-sS", *(["-w", r"'\n'"] if apart else [])]
        if self.method != "GET":
            words += ["-X", self.method]
        words.append(shlex.quote(self.url))
        for name, value in self.headers.items():
            words += ["-H", _header(name, value, keys)]
        if self.body is not None:
            return self._with_body(words)
        return " ".join(words)

    def _with_body(self, words: list[str]) -> str:
        assert self.body is not None
        if self.body.isascii() and b"\0" not in self.body:
            return " ".join([*words, "--data-binary", shlex.quote(self.body.decode())])
        octal = "".join(chr(b) if 32 <= b < 127 and chr(b) not in "'\\%" else f"\\{b:03o}" for b in self.body)
        return " ".join([f"printf '{octal}' |", *words, "--data-binary", "@-"])

    def as_json(self) -> dict[str, Any]:
        """For a bundle."""
        return {
            "method": self.method,
            "url": self.url,
            "path": self.path,
            "headers": {k: v for k, v in self.headers.items() if k.lower() not in SECRETS},
            "body": None if self.body is None else self.body.decode("latin-1"),
            "status": self.status,
            "response": self.response_body.decode("utf-8", "replace"),
        }


def _header(name: str, value: str, keys: dict[str, str]) -> str:
    """A header as a word for a shell. What a test has added to a key to make it wrong stays there."""
    if name.lower() == "x-control-token" and value:
        return f'"{name}: {CONTROL_TOKEN}"'
    known = [key for key in keys if key and value.removeprefix("Bearer ").startswith(key)]
    if name.lower() not in SECRETS or not known:
        return shlex.quote(f"{name}: {value}")
    key = max(known, key=len)
    before, _, after = value.partition(key)
    return f'"{name}: {before}{keys[key]}"' + (shlex.quote(after) if after else "")
