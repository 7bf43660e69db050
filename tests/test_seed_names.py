"""The names of seeded users are the project's own: no release of Faker changes them, and no start needs it."""

from __future__ import annotations

import subprocess
import sys

from draw_names import EACH, draw

from mockserver.seed.identities import LOCATIONS
from mockserver.seed.names import _names, name

LOCALES = {home.locale for home in LOCATIONS}


def test_there_are_names_for_every_place() -> None:
    assert set(_names()) == LOCALES == set(draw())
    for locale, kinds in _names().items():
        for names in kinds.values():
            assert 1 < len(set(names)) == len(names) <= EACH, locale
            assert all(one.strip() == one and one for one in names)


def test_a_seed_and_a_number_mean_the_same_name() -> None:
    assert name("1/1", "en_US", 0) == name("1/1", "en_US", 0)
    assert len({name("1/1", "en_US", number) for number in range(200)}) > 150
    assert name("1/1", "en_US", 0) != name("2/1", "en_US", 0)


def test_seeding_needs_no_faker() -> None:
    program = (
        "import sys; sys.modules['faker'] = None\n"
        "from mockserver.testing import MockServer\n"
        "with MockServer(users=3, history_days=1, socket=False) as server:\n"
        "    print(server.control('GET', '/worlds')['worlds'][0]['users'])\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("3\n", "")
