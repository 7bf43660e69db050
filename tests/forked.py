"""Commands of ours in processes of their own that begin with everything imported: forked from one that has it all.

A start of `python -m mockserver …` is mostly imports, and the tests start hundreds. In the place of `subprocess.Popen`
this one forks what it can, and starts all else as ever: other commands, other folders, other settings of Python, and
where there is no fork.
"""

from __future__ import annotations

import array
import atexit
import ctypes
import json
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
#: Modules whose `python -m` is forked.
MODULES = ("mockserver", "tests.mutants.run", "tests.mutants.serve", "tests.contract_live")
#: Settings of Python that a forked process can take over.
TAKEN_OVER = ("PYTHONPATH", "PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE")
SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER of Linux

Plain = subprocess.Popen


class Popen(Plain):  # type: ignore[type-arg]
    """The forked process is a child of this one, as any other."""

    def _execute_child(
        self,
        args: Any,
        executable: Any,
        preexec_fn: Any,
        close_fds: Any,
        pass_fds: Any,
        cwd: Any,
        env: Any,
        startupinfo: Any,
        creationflags: Any,
        shell: Any,
        p2cread: int,
        p2cwrite: int,
        c2pread: int,
        c2pwrite: int,
        errread: int,
        errwrite: int,
        *others: Any,
    ) -> None:
        given = (args, executable, preexec_fn, close_fds, pass_fds, cwd, env, startupinfo, creationflags, shell)
        ends = (p2cread, p2cwrite, c2pread, c2pwrite, errread, errwrite)
        variables = dict(os.environ if env is None else env)
        special = executable or preexec_fn or pass_fds or shell or others != USUAL
        if special or not _is_ours(args, cwd, variables):
            super()._execute_child(*given, *ends, *others)  # type: ignore[misc]
            return
        streams = [own if given == -1 else given for own, given in enumerate((p2cread, c2pwrite, errwrite))]
        self.pid = parent().fork([os.fspath(word) for word in args[2:]], variables, streams)
        self._child_created = True
        self._close_pipe_fds(*ends)  # type: ignore[attr-defined]


#: What Popen passes on where nobody asks for other users, groups, sessions or masks.
USUAL: tuple[Any, ...] = (True, None, None, None, -1, False, -1)


def _is_ours(args: Any, cwd: Any, variables: dict[str, str]) -> bool:
    if isinstance(args, str | bytes | os.PathLike) or list(args[:2]) != [sys.executable, "-m"]:
        return False
    here = Path(os.getcwd() if cwd is None else os.fspath(cwd))
    return args[2] in MODULES and here == ROOT and _settings(variables) == _settings(dict(os.environ))


def _settings(variables: dict[str, str]) -> dict[str, str]:
    """Of Python, those that it reads when it starts."""
    return {name: value for name, value in variables.items() if name.startswith("PYTHON") and name not in TAKEN_OVER}


class Parent:
    """A process with everything imported, which forks on request."""

    def __init__(self) -> None:
        here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        command = [sys.executable, "-m", "tests.forked_parent", str(there.fileno())]
        # What it forks becomes a child of this process when the one between has ended.
        ctypes.CDLL(None, use_errno=True).prctl(SUBREAPER, 1, 0, 0, 0)
        with there:
            self._process = Plain(command, cwd=ROOT, pass_fds=[there.fileno()], stdin=subprocess.DEVNULL)
        self._socket = here
        self._lock = threading.Lock()
        atexit.register(self._end)

    def _end(self) -> None:
        self._socket.close()
        self._process.kill()
        self._process.wait()

    def fork(self, words: list[str], variables: dict[str, str], streams: list[int]) -> int:
        """The process of `python -m WORDS…` with these variables and standard streams."""
        content = json.dumps({"words": words, "variables": variables}).encode("utf-8", "surrogateescape")
        with self._lock:
            rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", streams))]
            self._socket.sendmsg([len(content).to_bytes(4, "big")], rights)
            self._socket.sendall(content)
            return int.from_bytes(self._socket.recv(4, socket.MSG_WAITALL), "big")


_parent: Parent | None = None
_making = threading.Lock()


def parent() -> Parent:
    """One for this process, made when it is first wanted."""
    global _parent
    with _making:
        if _parent is None:
            _parent = Parent()
        return _parent
