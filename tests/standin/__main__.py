"""`python -m tests.standin`: serve until it is stopped."""

from __future__ import annotations

import argparse

from tests.standin.server import KEY, StandIn

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--port", type=int, default=0)
parser.add_argument("--frequency", choices=("daily", "weekly", "monthly"), default="daily")
parser.add_argument("--webhooks", help="where webhooks are posted")
given = parser.parse_args()
server = StandIn(frequency=given.frequency, webhooks=given.webhooks, port=given.port)
print(f"{server.url} with the key {KEY}", flush=True)
server.serve_forever()
