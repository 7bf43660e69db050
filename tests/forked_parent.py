"""`python -m tests.forked_parent FD`: imports everything, and forks `python -m …` whenever that socket asks for it.

It has one thread, opens nothing, and ends when the other end is closed.
"""

from __future__ import annotations

import array
import gc
import importlib
import io
import json
import os
import pkgutil
import runpy
import socket
import sys
import time
from typing import Any, NamedTuple

#: Imported before any fork, beside all of our own.
OTHERS = ("uvloop", "uvicorn.loops.uvloop", "uvicorn.lifespan.on", "openapi_spec_validator", "tests.mutants.faults")
PLUGIN = "schemathesis.pytest.plugin"  # all that it imports, but not itself: pytest wants to do that


class Job(NamedTuple):
    words: list[str]
    variables: dict[str, str]
    streams: list[int]


def main() -> None:
    with socket.socket(fileno=int(sys.argv[1])) as asked:
        import_everything()
        job = serve(asked)
    if job is not None:
        become(job)


def import_everything() -> None:
    """All but the suite's tests, which pytest must import."""
    for package in ("mockserver", "contract_tests"):
        found = importlib.import_module(package)
        for module in pkgutil.walk_packages(found.__path__, f"{package}."):
            name = module.name.rpartition(".")[2]
            if name not in ("__main__", "conftest", "pytest_plugin") and not name.startswith("test_"):
                importlib.import_module(module.name)
    for name in (*OTHERS, PLUGIN):
        importlib.import_module(name)
    del sys.modules[PLUGIN]
    gc.collect()
    gc.freeze()


def serve(asked: socket.socket) -> Job | None:
    """Forks until nobody asks any more. None there; in a forked process, what it is to do."""
    while (job := receive(asked)) is not None:
        reading, writing = os.pipe()
        between = os.fork()
        if between == 0:
            process = os.fork()
            if process == 0:
                os.close(reading)
                os.close(writing)
                return job
            os.write(writing, process.to_bytes(4, "big"))
            os._exit(0)
        os.waitpid(between, 0)  # only then is it a child of the caller
        asked.sendall(os.read(reading, 4))
        os.close(reading)
        os.close(writing)
        for stream in job.streams:
            os.close(stream)
    return None


def receive(asked: socket.socket) -> Job | None:
    streams = array.array("i")
    size, rights, _, _ = asked.recvmsg(4, socket.CMSG_SPACE(3 * streams.itemsize))
    if not size:
        return None
    for _, _, content in rights:
        streams.frombytes(content)
    said: dict[str, Any] = json.loads(asked.recv(int.from_bytes(size, "big"), socket.MSG_WAITALL))
    return Job(said["words"], said["variables"], list(streams))


def become(job: Job) -> None:
    """What `python -m WORDS…` would be now."""
    for number, stream in enumerate(job.streams):
        os.dup2(stream, number)
    for stream in job.streams:
        os.close(stream)
    os.environ.clear()
    os.environ.update(job.variables)
    time.tzset()
    sys.dont_write_bytecode = bool(os.environ.get("PYTHONDONTWRITEBYTECODE"))
    sys.stdin, sys.stdout, sys.stderr = (reopened(number) for number in range(3))
    sys.__stdin__, sys.__stdout__, sys.__stderr__ = sys.stdin, sys.stdout, sys.stderr
    apply_environment()
    if job.words[:2] == ["mockserver", "verify"] or job.words[0] == "tests.contract_live":
        forget_the_server()
    module, *sys.argv[1:] = job.words
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def reopened(number: int) -> io.TextIOWrapper:
    """A standard stream as Python opens it when it starts."""
    stream = (sys.stdin, sys.stdout, sys.stderr)[number]
    unbuffered = number > 0 and bool(os.environ.get("PYTHONUNBUFFERED"))
    binary = open(number, "rb" if number == 0 else "wb", 0 if unbuffered else -1, closefd=False)  # noqa: SIM115
    at_once = number == 2 or binary.isatty()
    return io.TextIOWrapper(  # type: ignore[no-any-return,call-overload]
        binary, stream.encoding, stream.errors, line_buffering=at_once, write_through=unbuffered
    )


def apply_environment() -> None:
    """The one variable that is read while our code is imported."""
    from mockserver.spec import operation

    operation.CHECK_EVERYTHING = bool(os.environ.get("MOCKSERVER_CHECK_EVERYTHING"))


def forget_the_server() -> None:
    """The suite does not have it in its process, and hypothesis takes constants from all that it finds there."""
    for name in [name for name in sys.modules if name.startswith(("mockserver.", "tests."))]:
        del sys.modules[name]


if __name__ == "__main__":
    main()
