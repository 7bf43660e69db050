"""Turns errors into sentences for a report: nothing of Python, of pytest or of the suite's own classes is in them."""

from __future__ import annotations

import re

#: Lines of pytest's own, and what it cuts.
_PYTEST = re.compile(r"^\s*(assert |\+  |and   |E  |\?  |- |\+ |Use -v|Full diff|Omitting|\.\.\.|where )")


def says_something(error: AssertionError) -> bool:
    """Whether the assertion has a message of its own."""
    lines = [line for line in str(error).splitlines() if line.strip()]
    return bool(lines) and not lines[0].startswith("assert ")


def sentence(error: BaseException, rule: str) -> str:
    """What went wrong, in words. Without a message of the test's own the rule is named."""
    if isinstance(error, AssertionError):
        return _of_assertion(error, rule)
    if isinstance(error, StopIteration):
        return _not_so(rule, "an expected item is missing")
    if isinstance(error, ValueError) and "values to unpack" in str(error):
        wanted, got = re.search(r"expected (?:at least )?(\d+)", str(error)), re.search(r"got (\d+)", str(error))
        return _not_so(rule, f"{wanted[1] if wanted else 'others'} expected, {got[1] if got else 'more'} found")
    return _of_shape(error) or _words(error)


def _of_assertion(error: AssertionError, rule: str) -> str:
    lines = [line for line in str(error).splitlines() if line.strip()]
    if not says_something(error):
        return _not_so(rule, "")
    kept = [lines[0], *(line for line in lines[1:12] if not _PYTEST.match(line))]
    return "\n".join(line for line in kept if "object at 0x" not in line)


def _of_shape(error: BaseException) -> str | None:
    """For errors while reading a response of another shape than the spec declares."""
    if isinstance(error, KeyError):
        return f"the response has no {error.args[0] if error.args else 'such field'!r}"
    if isinstance(error, IndexError):
        return "a list in the response is shorter than expected"
    if isinstance(error, TypeError | AttributeError):
        null = "NoneType" in str(error)
        return "a field of the response is null" if null else "a field of the response has another type than expected"
    if isinstance(error, ValueError):
        return f"a field of the response cannot be read: {error}"
    return None


def _words(error: BaseException) -> str:
    text = str(error)
    return text if text and isinstance(error, OSError) else f"{type(error).__name__}: {text}"


def _not_so(rule: str, because: str) -> str:
    return f"this does not hold: {rule}" + (f" ({because})" if because else "")
