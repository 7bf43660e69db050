"""`python -m mockserver` and the `mockserver` command."""

from __future__ import annotations

import errno
import os
import signal
import sys
from types import FrameType

SERVERS = ("serve", "listen")
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


def main() -> None:
    if sys.argv[1:2] and sys.argv[1] in SERVERS:
        signal.signal(signal.SIGTERM, end)  # first: as process 1 of a container it would ignore the signal
    from mockserver.cli import main as commands

    try:
        try:
            commands()
        finally:
            if sys.stdout is not None:  # None: closed by who started the command
                sys.stdout.flush()
    except OSError as error:
        if error.errno not in FULL:
            raise
        sys.stderr.write(f"Error: {error.filename or 'Standard output'} cannot be written: {error.strerror}.\n")
        os._exit(2)  # the end of the interpreter would try to write the rest, and complain


def end(number: int, frame: FrameType | None) -> None:
    """A server that does not serve yet, or no more, ends at once: no response was sent for what is not kept."""
    if sys.stderr is not None and sys.stderr.isatty():  # None: closed by who started the server
        os.write(sys.stderr.fileno(), b"\x1b[?25h")  # a bar that shows how far the seeding is hides the cursor
    os._exit(0)


if __name__ == "__main__":
    main()
