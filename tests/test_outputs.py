"""Whatever a command is to write is opened before it does its work; what cannot be is one sentence and exit code 2."""

from __future__ import annotations

import errno
import os
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mockserver.files import write_whole
from mockserver.testing import MockServer

FULL = Path("/dev/full")
QUICK = ("verify", "--profile", "quick", "--parts", "document")

full = pytest.mark.skipif(not FULL.exists(), reason="no disk is full here")


def run(*words: str, out: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mockserver", *words]
    if out is None:
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    with out.open("w") as stream:
        return subprocess.run(command, stdout=stream, stderr=subprocess.PIPE, text=True, timeout=60, check=False)


@pytest.mark.parametrize("option", ["--html", "--bundle", "--junit-xml", "--baseline"])
def test_verify_opens_what_it_is_to_write_before_its_first_test(option: str, tmp_path: Path) -> None:
    nowhere = tmp_path / "no" / "such" / "folder"
    done = run(*QUICK, option, str(nowhere), *(["--update-baseline"] if option == "--baseline" else []))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"{option}: {nowhere} cannot be written: No such file or directory.\n"


def test_a_file_that_was_only_opened_stays_as_it_was(tmp_path: Path) -> None:
    there, new = tmp_path / "there.html", tmp_path / "new.json"
    there.write_text("as it was")
    done = run(*QUICK, "--html", str(there), "--bundle", str(new), "--webhook-log", str(tmp_path / "none"))
    assert done.returncode != 1
    run("verify", "--parts", "document", "--document", str(there), "--html", str(there), "--bundle", str(new))
    assert not new.exists() or new.read_text().startswith("{")


@full
@pytest.mark.parametrize("option", ["--html", "--bundle", "--junit-xml"])
def test_a_disk_that_is_full_at_the_end_is_no_broken_contract(option: str) -> None:
    done = run(*QUICK, option, str(FULL))
    assert done.returncode == 2
    assert "cannot be written: No space left on device." in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


@full
@pytest.mark.parametrize("words", [("example", "users_get"), ("catalog-schema",), ("check",), ("--help",), QUICK])
def test_standard_output_that_is_full_is_one_sentence(words: tuple[str, ...]) -> None:
    done = run(*words, out=FULL)
    assert done.returncode == 2
    assert done.stderr == "Error: Standard output cannot be written: No space left on device.\n"


def test_examples_find_out_about_their_folder_before_anybody_lives(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    done = run("example", "--all", "--out", str(file / "below"), "--seed", "77")
    assert done.returncode == 2
    assert f"--out: {file}" in done.stderr
    assert "cannot be written: Not a directory." in done.stderr


def full_after(size: int) -> Callable[[], None]:
    """No file may grow beyond so many bytes, as on a disk that fills up while it is written to."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def test_a_disk_that_fills_up_leaves_no_half_of_a_log(tmp_path: Path) -> None:
    with MockServer(keep=tmp_path / "kept") as server:
        for _ in range(8):
            server.control("PUT", "/catalog", server.control("GET", "/catalog"))
    out = tmp_path / "world.jsonl"
    command = [sys.executable, "-m", "mockserver", "keep", "export", str(tmp_path / "kept"), "--out", str(out)]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=False, preexec_fn=full_after(40_000)
    )
    assert done.returncode == 2
    assert "cannot be written: File too large" in done.stderr
    assert not out.exists()
    subprocess.run(command, check=True, timeout=60)
    whole = out.read_bytes()
    assert len(whole) > 40_000


def test_a_file_that_cannot_be_written_whole_stays_as_it_was(tmp_path: Path) -> None:
    def pieces() -> Iterator[bytes]:
        yield b"half"
        raise OSError(errno.ENOSPC, "No space left on device")

    there = tmp_path / "there.json"
    write_whole(there, [b"as ", b"it was"])
    for new in (False, True):
        with pytest.raises(OSError, match="No space"):
            write_whole(tmp_path / "new.json" if new else there, pieces(), new=new)
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == {"there.json": b"as it was"}
    with pytest.raises(FileExistsError):
        write_whole(there, [b"other"], new=True)
    write_whole(there, [b"other"])
    assert there.read_bytes() == b"other"


def test_the_draft_of_a_process_that_was_killed_is_in_nobodys_way(tmp_path: Path) -> None:
    """In a container every process has the same id."""
    (tmp_path / f".there.json.{os.getpid()}").write_bytes(b"half")
    write_whole(tmp_path / "there.json", [b"whole"])
    assert (tmp_path / "there.json").read_bytes() == b"whole"
