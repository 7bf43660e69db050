"""People's names: Faker's, and remembered, so that it need not be loaded again."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from mockserver.seed import names as module
from mockserver.seed.names import MOST_NAMES, MOST_SEEDS, Names

SAYS = """
import sys
from mockserver.seed.names import Names
names = Names("1/seed")
print(names.name("ja_JP", 2), names.name("en_US", 0), "faker" in sys.modules)
names.remember()
"""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "mockserver" / "names"


def start() -> str:
    done = subprocess.run([sys.executable, "-c", SAYS], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def files(home: Path) -> list[Path]:
    return sorted(home.glob("*"))


def test_a_second_start_says_the_same_without_faker(home: Path) -> None:
    first, second = start(), start()
    assert first.endswith("True")
    assert second == first.replace("True", "False")
    assert len(files(home)) == 1


@pytest.mark.parametrize(
    "damage", [b"", b"{", b"\xff", b"[1]", b'{"ja_JP/2": 5}', b'{"ja_JP/2": ["one"]}', b"[" * 200_000]
)
def test_what_is_damaged_is_made_again(home: Path, damage: bytes) -> None:
    first = start()
    files(home)[0].write_bytes(damage)
    assert start() == first
    assert start() == first.replace("True", "False")


def test_without_a_place_to_write_to_names_are_made_each_time(home: Path) -> None:
    home.parent.mkdir(parents=True)
    home.write_text("no directory")
    assert start() == start()


def test_other_seeds_have_other_names_and_neither_names_nor_seeds_pile_up(home: Path) -> None:
    faker, known = Names("0")._faker("en_US"), {}
    for seed in range(MOST_SEEDS + 3):
        names = Names(str(seed))
        names._fakers["en_US"] = faker  # to make one takes long
        known[seed] = [names.name("en_US", number) for number in range(3)]
        names.remember()
    assert len({str(row) for row in known.values()}) == len(known)
    assert len(files(home)) == MOST_SEEDS
    names = Names("large")
    names._fakers["en_US"] = faker
    for number in range(MOST_NAMES + 5):
        names.name("en_US", number)
    names.remember()
    assert len(module._read(names._file)) == MOST_NAMES
