"""What test modules must know while they are collected, before there is any fixture: the run's options and document."""

from __future__ import annotations

from contract_tests.document import Document
from contract_tests.options import Options
from contract_tests.target import load_document


class Run:
    """Set once by pytest's configuration; the defaults serve a bare collection."""

    options: Options = Options()
    fail_fast: bool = False
    document: Document | None = None

    @classmethod
    def the_document(cls) -> Document:
        if cls.document is None:
            cls.document = load_document(cls.options)
        return cls.document
