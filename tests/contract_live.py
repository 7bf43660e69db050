"""`python -m tests.contract_live …` is `mockserver verify …` that takes this machine for the live service."""

from __future__ import annotations

import contract_tests.target
from contract_tests.command import verify

if __name__ == "__main__":
    contract_tests.target.LIVE_DOMAIN = "localhost"
    contract_tests.target.LIVE_RATE = 10_000.0  # a test of its own says that the true one is kept to
    verify()
