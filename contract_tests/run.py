"""What test modules need while they are collected, before there is any fixture: the run's options and spec."""

from __future__ import annotations

from contract_tests.options import Options
from contract_tests.spec import Spec
from contract_tests.target import load_spec


class Run:
    """Set once by pytest's configuration; the defaults serve a bare collection."""

    options: Options = Options()
    fail_fast: bool = False
    spec: Spec | None = None

    @classmethod
    def the_spec(cls) -> Spec:
        if cls.spec is None:
            cls.spec = load_spec(cls.options)
        return cls.spec
