"""An event whose n-th allocation of memory fails, for every n: run as a program, since Python itself may not survive.
Its response is not made: to orjson a failed allocation is the end of the process.

Prints, as JSON, how many tries failed, how many succeeded, and what was wrong: a world that is neither the one before
nor the one after, or one that goes on otherwise than a world that always had memory.
"""

from __future__ import annotations

import _testcapi
import json
import pickle
import sys
from typing import Any

from lives import known
from sample import SAMPLE

from mockserver.api.metrics import record_event
from mockserver.game.engine import Game
from mockserver.transaction import execute_operation
from mockserver.worlds import Organisation, Plan

NOW = 1_768_478_400_000
CALM = 200  # tries in a row that succeed: the event does not allocate so often


def world() -> Organisation:
    return Organisation("key", Plan(lambda day: SAMPLE, now=NOW, frozen=True))


def send_event(organisation: Organisation, short_of: int = 0) -> bool:
    """Whether it was accepted; the allocation number `short_of` fails."""
    game = organisation.game()
    arguments: dict[str, Any] = {"key": "words", "body": {"user": {"id": "ada"}, "value": 40}, "idempotency_key": None}
    try:
        if short_of:
            _testcapi.set_nomemory(short_of, short_of + 1)
        execute_operation(organisation, game, None, "metrics_event", record_event, arguments)
    except MemoryError:
        return False
    finally:
        _testcapi.remove_mem_hooks()
    return True


def state(game: Game) -> Any:
    return pickle.loads(pickle.dumps((known(game.world), list(game.world.journal), game.next_due())))


def main(step: int) -> None:
    organisation, undisturbed = world(), world()
    send_event(organisation)
    send_event(undisturbed)
    game, failed, succeeded, calm, number = organisation.game(), 0, 0, 0, 0
    wrong, before = [], state(game)
    while calm < CALM:
        number += step
        accepted = send_event(organisation, number)
        now = state(organisation.game())
        if accepted:
            succeeded, calm = succeeded + 1, calm + step
            send_event(undisturbed)
        else:
            failed, calm = failed + 1, 0
        if now != (before if not accepted else state(undisturbed.game())):
            wrong.append(number)
        before = now
    json.dump({"failed": failed, "succeeded": succeeded, "wrong": wrong}, sys.stdout)


main(int(sys.argv[1]))
