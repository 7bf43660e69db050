"""Finds the request that a failure is about: not always the scenario's last one, but the one whose response the failed
line checks.

Each request records the lines of the suite that it was sent from. When an assertion fails, its names are followed to
the lines that assigned them, and so to the requests that were sent there.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import FrameType, TracebackType
from typing import NamedTuple

from contract_tests.exchange import Exchange

HERE = str(Path(__file__).parent)
#: Files that send requests for tests: a line there does not say which request was wrong.
SENDERS = {"client.py", "exchange.py", "suite.py", "conftest.py", "control.py", "stage.py", "blame.py"}
#: Lines of the suite are searched in this many frames.
MAX_FRAMES = 30


class Line(NamedTuple):
    """A place in the suite's source."""

    file: str
    number: int


def lines_here() -> tuple[Line, ...]:
    """The lines of the suite that are running now, innermost first."""
    frame: FrameType | None = sys._getframe(1)
    found = []
    for _ in range(MAX_FRAMES):
        if frame is None:
            break
        if _is_test_code(frame.f_code.co_filename):
            found.append(Line(frame.f_code.co_filename, frame.f_lineno))
        frame = frame.f_back
    return tuple(found)


@cache
def _is_test_code(file: str) -> bool:
    return file.startswith(HERE) and Path(file).name not in SENDERS


def blamed(error: BaseException, exchanges: list[Exchange]) -> Exchange | None:
    """The request that an error is about; None if there was none."""
    of_the_api = [exchange for exchange in exchanges if not exchange.control]
    lines = list(_lines_of(error.__traceback__))
    if not exchanges or not lines:
        return exchanges[-1] if exchanges else None
    if not _is_test_code(lines[-1].file) and lines[-1].file.startswith(HERE):
        return exchanges[-1]  # a helper expected another response
    for line in reversed([line for line in lines if _is_test_code(line.file)]):
        if found := _sent_for(line, of_the_api):
            return found
    return of_the_api[-1] if of_the_api else exchanges[-1]


def _lines_of(traceback: TracebackType | None) -> Iterator[Line]:
    while traceback is not None:
        yield Line(traceback.tb_frame.f_code.co_filename, traceback.tb_lineno)
        traceback = traceback.tb_next


def _sent_for(line: Line, exchanges: list[Exchange]) -> Exchange | None:
    """The newest request that a line sent, otherwise the newest whose response one of its names was assigned from."""
    function = _function_at(line)
    statement = _statement_at(function, line.number) if function else None
    if function is None or statement is None:
        return None
    first, last = _span(statement)
    inline = _newest(exchanges, line.file, first, last)
    if inline is not None:
        return inline
    names = {node.id for node in ast.walk(statement) if isinstance(node, ast.Name)}
    return _origin_of(names, function, line.file, exchanges, set())


def _origin_of(
    names: set[str], function: ast.AST, file: str, exchanges: list[Exchange], seen: set[str]
) -> Exchange | None:
    found: list[Exchange] = []
    for name in names - seen:
        seen.add(name)
        for first, last, sources in _assignments(function, name):
            sent = _newest(exchanges, file, first, last) or _origin_of(sources, function, file, exchanges, seen)
            found += [sent] if sent else []
    return max(found, key=exchanges.index, default=None)


def _newest(exchanges: list[Exchange], file: str, first: int, last: int) -> Exchange | None:
    for exchange in reversed(exchanges):
        if any(line.file == file and first <= line.number <= last for line in exchange.lines):
            return exchange
    return None


def _assignments(function: ast.AST, name: str) -> Iterator[tuple[int, int, set[str]]]:
    """Where a name is assigned: first and last line, and the names in the value."""
    for node in ast.walk(function):
        targets: list[ast.AST] = []
        value: ast.AST | None = None
        if isinstance(node, ast.Assign):
            targets, value = list(node.targets), node.value
        elif isinstance(node, ast.AnnAssign | ast.AugAssign | ast.NamedExpr):
            targets, value = [node.target], node.value
        elif isinstance(node, ast.For):
            targets, value = [node.target], node.iter
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):  # rows.append(stage.get(…))
            targets, value = [node.func.value] if node.func.attr in ("append", "extend", "add") else [], node
        if value is None or not any(_binds(target, name) for target in targets):
            continue
        sources = {one.id for one in ast.walk(value) if isinstance(one, ast.Name)}
        yield value.lineno, value.end_lineno or value.lineno, sources  # type: ignore[attr-defined]


def _binds(target: ast.AST, name: str) -> bool:
    return any(isinstance(node, ast.Name) and node.id == name for node in ast.walk(target))


def _span(statement: ast.stmt) -> tuple[int, int]:
    """First and last line of a statement; of a compound statement only its head."""
    body = getattr(statement, "body", None)
    last = body[0].lineno - 1 if isinstance(body, list) and body else statement.end_lineno or statement.lineno
    return statement.lineno, max(statement.lineno, last)


def _statement_at(function: ast.AST, number: int) -> ast.stmt | None:
    found = [
        node
        for node in ast.walk(function)
        if isinstance(node, ast.stmt) and node is not function and node.lineno <= number <= (node.end_lineno or 0)
    ]
    return min(found, key=lambda node: (node.end_lineno or 0) - node.lineno, default=None)


def _function_at(line: Line) -> ast.AST | None:
    """The innermost function around a line."""
    found = [
        node
        for node in ast.walk(_parsed(line.file))
        if isinstance(node, ast.FunctionDef) and node.lineno <= line.number <= (node.end_lineno or 0)
    ]
    return min(found, key=lambda node: (node.end_lineno or 0) - node.lineno, default=None)


@cache
def _parsed(file: str) -> ast.Module:
    try:
        return ast.parse(Path(file).read_text("utf-8"))
    except (OSError, ValueError, SyntaxError):
        return ast.Module([], [])
