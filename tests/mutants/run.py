"""`make mutants`: planted faults, one at a time, against the suite; what catches them, and what gets through.

Without words: every fault that is written by hand, and a sample of the generated ones. `quick` gets every fault,
`standard` those that `quick` lets pass. A generated fault that nothing catches counts only if it can be seen at all.
`--parts` shows what each part of the suite catches alone.
"""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import sys
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from functools import cached_property

import contract_tests.generated  # noqa: F401  before the fork
import mockserver
from tests.mutants.fault import Fault
from tests.mutants.faults import BY_NAME, FAULTS
from tests.mutants.generated.all import drawn, generated
from tests.mutants.generated.probe import Probe
from tests.mutants.recording import can_replay
from tests.mutants.trial import SERVED, trials
from tests.mutants.tries import Outcome, Trial

AT_ONCE, SAMPLE = 2, 100


@dataclass
class Tally:
    """What came of the faults so far: by profile, which were caught, and which survived."""

    faults: list[Fault]
    caught: dict[str, dict[str, Outcome]] = field(default_factory=lambda: defaultdict(dict))
    unseen: set[str] = field(default_factory=set)

    @cached_property
    def probe(self) -> Probe:
        return Probe()

    def count(self, profile: str, fault: Fault) -> bool:
        """Whether `profile` catches it: what a smaller one catches a larger one does, too."""
        profiles = ("quick",) if profile == "quick" else ("quick", "standard")
        return any(fault.name in self.caught[one] for one in profiles)

    def seen(self) -> list[Fault]:
        """The faults that can be seen."""
        return [fault for fault in self.faults if fault.name not in self.unseen]

    def survivors(self, profile: str) -> list[Fault]:
        return [fault for fault in self.seen() if not self.count(profile, fault)]


def give(
    tally: Tally, faults: list[Fault], profile: str, arguments: argparse.Namespace, part: str | None = None
) -> None:
    """These faults to one profile, with progress."""
    began, done = time.monotonic(), Counter[str]()

    def report(trial: Trial, outcome: Outcome) -> None:
        fault = trial.fault
        assert fault is not None
        if outcome.by:
            tally.caught[profile][fault.name] = outcome
        done["all"] += 1
        done["caught"] += bool(outcome.by)
        verdict = f"caught by {outcome.part}: {outcome.by}" if outcome.by else f"GOT THROUGH {outcome.error}"
        minutes = (time.monotonic() - began) / 60
        line = f"{done['all']:5}/{len(faults)} {minutes:5.1f} min {outcome.seconds:6.1f} s  {fault.kind}: {fault.name}"
        print(f"{line} — {verdict}", flush=True)

    if faults:
        print(f"\n{len(faults)} faults to {profile}{f', {part} alone' if part else ''}", flush=True)
        wanted = [Trial(fault, part, tuple(arguments.first)) for fault in faults]
        trials(wanted, profile, arguments.at_once, 1, report, replay_only=arguments.recorded)  # type: ignore[arg-type]


def find_unseen(tally: Tally, faults: list[Fault]) -> None:
    """Generated faults that make no difference in the probe's story are none."""
    left = [fault for fault in faults if fault.name not in BY_NAME]
    began = len(tally.unseen)
    for number, fault in enumerate(left, 1):
        if not tally.probe.observable(fault):
            tally.unseen.add(fault.name)
        if number % 100 == 0 or number == len(left):
            print(f"probed {number:5}/{len(left)}  {len(tally.unseen) - began} cannot be seen", flush=True)


def run(faults: list[Fault], arguments: argparse.Namespace) -> int:
    """All faults to quick, the survivors to standard; 0 if enough of them are caught."""
    began = time.monotonic()
    tally = Tally(faults)
    find_unseen(tally, [fault for fault in faults if can_replay(fault)])
    give(tally, tally.seen(), "quick", arguments)
    find_unseen(tally, [fault for fault in tally.survivors("quick") if not can_replay(fault)])
    if not arguments.quick:
        give(tally, tally.survivors("quick"), "standard", arguments)
    last = "quick" if arguments.quick else "standard"
    summary(tally, last)
    print(f"time      {(time.monotonic() - began) / 60:.1f} minutes")
    lost = tally.survivors(last)
    for fault in lost:
        print(f"GOT THROUGH  {fault.kind}: {fault.name}")
    by_hand = [fault for fault in lost if fault.name in BY_NAME]
    seen = [fault for fault in tally.seen() if fault.name not in BY_NAME]
    missed = len(lost) - len(by_hand)
    return int(bool(by_hand) or (not arguments.quick and missed > len(seen) * LET_THROUGH))


#: The share of generated faults that may get through `standard`.
LET_THROUGH = 0.05


def summary(tally: Tally, last: str) -> None:
    """Caught of those that can be seen, by kind; which part was the first to catch how many."""
    kinds: dict[str, list[Fault]] = defaultdict(list)
    for fault in tally.seen():
        kinds[fault.kind if fault.name not in BY_NAME else "written by hand"].append(fault)
    profiles = ["quick"] if last == "quick" else ["quick", "standard"]
    print("\n" + f"{'kind':28}{'seen':>6}" + "".join(f"{profile:>16}" for profile in profiles))
    for kind, rows in [*sorted(kinds.items()), ("all", tally.seen())]:
        shares = [sum(tally.count(profile, fault) for fault in rows) for profile in profiles]
        transcript_of = "".join(f"{f'{share} ({100 * share / max(1, len(rows)):.1f} %)':>16}" for share in shares)
        print(f"{kind:28}{len(rows):>6}{transcript_of}")
    print(f"not counted, since nobody can see them: {len(tally.unseen)}")
    for profile in profiles:
        caught, of = sum(tally.count(profile, fault) for fault in tally.seen()), len(tally.seen())
        print(f"{profile:9} {caught}/{of} caught ({100 * caught / max(1, of):.1f} %)")
    parts = Counter(outcome.part for rows in tally.caught.values() for outcome in rows.values())
    print("first by  " + ", ".join(f"{part} {count}" for part, count in parts.most_common()))


def run_parts(faults: list[Fault], arguments: argparse.Namespace) -> int:
    """Each part alone: what it catches, and what no other part does."""
    alone: dict[str, set[str]] = {}
    for part in SERVED:
        tally = Tally(faults)
        give(tally, faults, "quick", arguments, part)
        alone[part] = set(tally.caught["quick"])
    print("\npart         caught  only it")
    worth = True
    for part, names in alone.items():
        others: set[str] = set().union(*(found for other, found in alone.items() if other != part))
        print(f"{part:12} {len(names):6}  {len(names - others):7}  {', '.join(sorted(names - others)[:4])}")
        worth = worth and bool(names - others)
    return int(not worth)


def picked(arguments: argparse.Namespace) -> list[Fault]:
    """Hand-written ones and the sample; with words only those whose kind or name contains one of them, all of these
    unless a sample is asked for."""

    def wanted(fault: Fault) -> bool:
        named = not arguments.words or any(word in f"{fault.kind}: {fault.name}" for word in arguments.words)
        return named and (not arguments.recorded or can_replay(fault))

    by_hand = [] if arguments.generated or arguments.recorded else [fault for fault in FAULTS if wanted(fault)]
    if arguments.all or (arguments.words and arguments.sample is None):
        return [*by_hand, *filter(wanted, generated().values())]
    return [*by_hand, *drawn(arguments.sample or SAMPLE, arguments.seed, wanted)]


def import_the_server() -> None:
    """All of it, before any fork: faster, and a file that is edited meanwhile does no harm."""
    for module in pkgutil.walk_packages(mockserver.__path__, "mockserver."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parts", action="store_true", help="give every fault to each part alone")
    parser.add_argument("--sample", type=int, help=f"so many generated faults ({SAMPLE})")
    parser.add_argument("--seed", type=int, default=1, help="what the sample is drawn with (1)")
    parser.add_argument("--all", action="store_true", help="every generated fault: takes a night")
    parser.add_argument("--generated", action="store_true", help="none of those written by hand")
    parser.add_argument("--quick", action="store_true", help="stop after quick")
    parser.add_argument(
        "--recorded", action="store_true", help="only faults of what goes out, on a recording alone: hundreds a minute"
    )
    parser.add_argument("--at-once", type=int, default=AT_ONCE, help="so many at a time (2)")
    parser.add_argument("--first", action="append", default=[], help="tests with this in their name come first")
    parser.add_argument("words", nargs="*", help="only faults whose kind or name contains one of these, all of them")
    given = parser.parse_args()
    import_the_server()
    faults = picked(given)
    return run_parts(faults, given) if given.parts else run(faults, given)


if __name__ == "__main__":
    sys.exit(main())
