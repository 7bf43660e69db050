"""One request and its answer, as they travelled, and the curl line that repeats the request."""

from __future__ import annotations

import json
import shlex
import time
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any

from contract_tests.document import Operation

#: The headers that a shared report must not show, and what a shell line reads them from instead.
SECRETS = {"x-api-key": "$TROPHY_API_KEY", "x-control-token": "$MOCKSERVER_CONTROL_TOKEN"}


@dataclass
class Exchange:
    """`url` is complete; `seconds` is what the answer took; `answer` is the body's bytes."""

    method: str
    url: str
    headers: dict[str, str]
    body: bytes | None
    status: int
    answer_headers: dict[str, str]
    answer: bytes
    operation: Operation | None = None
    path: str = ""
    seconds: float = 0.0
    part: str = ""
    notes: list[str] = field(default_factory=list)

    @property
    def json(self) -> Any:
        """The answer as JSON. Raises `AssertionError` when it is not."""
        try:
            return json.loads(self.answer)
        except ValueError:
            raise AssertionError(f"the body is not JSON: {self.answer[:80]!r}") from None

    @property
    def error(self) -> str:
        answer = self.json
        return str(answer.get("error", "")) if isinstance(answer, dict) else ""

    @property
    def media(self) -> str:
        return self.answer_headers.get("content-type", "")

    @property
    def retry_after(self) -> float | None:
        """Seconds to wait before the same again when this came too soon (429); None when it did not."""
        if self.status != 429:
            return None
        said = self.answer_headers.get("retry-after", "").strip()
        if said.isdecimal():
            return float(said)
        try:
            due = parsedate_to_datetime(said).timestamp()
        except ValueError:
            return 1.0  # what the real service asks for
        return max(0.0, due - time.time())

    @property
    def size(self) -> int:
        """How much there is to read in the request: the smaller, the better an example."""
        return len(self.url) + len(self.body or b"") + sum(len(k) + len(v) for k, v in self.headers.items())

    def curl(self, *, show_key: bool) -> str:
        """A line for a shell. Without `show_key` keys are read from the environment."""
        words = ["curl", "-sS"]
        if self.method != "GET":
            words += ["-X", self.method]
        words.append(shlex.quote(self.url))
        for name, value in self.headers.items():
            hidden = None if show_key or not value else SECRETS.get(name.lower())
            words += ["-H", f'"{name}: {hidden}"' if hidden else shlex.quote(f"{name}: {value}")]
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
            "answer": self.answer.decode("utf-8", "replace"),
        }
