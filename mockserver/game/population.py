"""What there is in a world at one moment. Only the writers of facts change it."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from datetime import date

from mockserver.game.catalog import Catalog
from mockserver.game.facts import Profile, UserChanged, UserCreated
from mockserver.game.ids import Ids
from mockserver.game.journal import Journal
from mockserver.game.places import Places
from mockserver.game.ranking import Run
from mockserver.game.state import User


class Population:
    """Users with all that is theirs, boards with their runs, and what is counted over all users."""

    def __init__(self, catalog: Catalog, seed: str, born: int, key: str = "") -> None:
        """`key`: tells this world's ids from those of others with the same seed; empty where there is one."""
        self.catalog = self.first_catalog = catalog
        self.former: Catalog | None = None  # the catalog before the present one
        self.seed = seed
        self.ids = Ids(seed, key)
        self.born = born
        self.time = born
        self.journal = Journal()
        self.users: dict[str, User] = {}
        self.completions: Counter[str] = Counter()
        self.totals: dict[str, Counter[int]] = {}
        self.lengths = Places()
        self.longest = Places()
        self.runs: dict[str, dict[date, Run]] = {}
        self.boosts_begun: set[str] = set()
        self.boosts_ended: set[str] = set()
        self.pauses: dict[str, str] = {}  # whose each pause is, by id; without deleted ones

    def id_of(self, kind: str, number: int) -> str:
        """A UUID (version 5 in form) that depends on nothing but seed and key, the kind and the number."""
        return self.ids.of(kind, number)

    def run(self, board: str, day: date) -> Run | None:
        """The run that begins on `day`, None while nobody has scored in it."""
        runs = self.runs.get(board)
        return runs.get(day) if runs else None

    def profile_at(self, user_id: str, seq: int) -> Profile:
        """What was known of a user when the newest fact was that of number `seq`."""
        user = self.users[user_id]
        changed = user.changed
        if not changed or changed[-1] <= seq:
            return user.profile
        at = bisect_right(changed, seq)
        fact = self.journal.entry(changed[at - 1] if at else user.number).fact
        assert isinstance(fact, UserCreated | UserChanged)
        return fact.profile
