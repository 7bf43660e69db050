"""How a test says which rule it checks and where the rule is written."""

from __future__ import annotations

import pytest


def rule(sentence: str, source: str, *, choice: bool = False) -> pytest.MarkDecorator:
    """`choice`: neither the spec nor the vendor says so, only docs/behaviour.md does, as its grade may say too.

    Such a rule is checked only where the target has our control plane, and so follows that page.
    """
    return pytest.mark.rule(sentence, source, choice=choice or source.endswith("[choice]"))


def behaviour(section: int, grade: str = "documented") -> str:
    """A source: a section of docs/behaviour.md and who says so."""
    return f"behaviour, section {section} [{grade}]"
