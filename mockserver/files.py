"""Files that are there as a whole or not at all: a disk that is full half way leaves no piece of one behind."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from secrets import token_hex


def write_whole(file: Path, pieces: Iterable[bytes], *, new: bool = False) -> None:
    """Writes the pieces; a file that was there stays as it was unless all of them can be written.

    Raises OSError: FileExistsError when it is to be `new` and is there.
    """
    draft = file if new else file.with_name(f".{file.name}.{token_hex(4)}")  # in a container all have one process id
    with draft.open("xb") as out:
        try:
            out.writelines(pieces)
            out.flush()
        except BaseException:
            draft.unlink()
            raise
    if not new:
        draft.replace(file)
