"""The pages keep up with the code: choices are listed, links lead somewhere, names in them exist."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
BEHAVIOUR = (ROOT / "docs" / "behaviour.md").read_text()
SECTIONS, FIDELITY = BEHAVIOUR.split("\n## Fidelity\n")
GRADE = re.compile(r"`(?:documented|document|seen|choice \d+\.\d+)`(?:\n|$)")


def rules() -> list[str]:
    """The bullets of the numbered sections, on one line each."""
    body = SECTIONS[SECTIONS.index("\n## 0. ") :]
    return [
        " ".join(rule.split()) for rule in re.findall(r"^- (.*?)(?=\n- |\n\n|\n#|\Z)", body, re.DOTALL | re.MULTILINE)
    ]


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule[:40])
def test_every_rule_has_a_grade(rule: str) -> None:
    assert GRADE.search(rule + "\n"), rule


def test_the_fidelity_table_lists_every_choice_once_and_in_order() -> None:
    made = re.findall(r"`choice (\d+\.\d+)`", SECTIONS)
    listed = re.findall(r"^\| (\d+\.\d+) \|", FIDELITY, re.MULTILINE)
    assert sorted(set(made), key=_number) == listed


def _number(choice: str) -> list[int]:
    return [int(part) for part in choice.split(".")]


def choices_in_code() -> Counter[str]:
    """Files of the packages, with how many picks are marked in them."""
    found: Counter[str] = Counter()
    for package in ("mockserver", "contract_tests"):
        for file in sorted((ROOT / package).rglob("*.py")):
            found[file.relative_to(ROOT).as_posix()] = len(re.findall(r"(?<!-> )Choice: ", file.read_text()))
    return +found


def test_every_pick_that_the_code_marks_is_listed() -> None:
    assert Counter(re.findall(r"^\| `([\w/]+\.py)` \|", FIDELITY, re.MULTILINE)) == choices_in_code()


def test_comments_name_sections_of_the_page_that_exist() -> None:
    sections = set(re.findall(r"^## (\d+)\. ", BEHAVIOUR, re.MULTILINE))
    assert sections == {str(number) for number in range(12)}
    for package in ("mockserver", "contract_tests", "tests"):
        for file in (ROOT / package).rglob("*.py"):
            for number in re.findall(r"\b[Bb]ehaviour, sections? (\d+)", file.read_text()):
                assert number in sections, f"{file} names section {number}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_within_the_repository_lead_somewhere(page: Path) -> None:
    prose = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    for target in re.findall(r"\]\(([^)\s]+)\)", prose):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), f"{page.name}: {target}"
        if anchor and file.suffix == ".md":
            assert anchor in anchors(file), f"{page.name}: {target}"


def anchors(page: Path) -> set[str]:
    """The names under which the headings of a page can be linked to."""
    headings = re.findall(r"^#{1,6} (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
