"""The pages keep up with the code: choices are listed, links lead somewhere, names in them exist."""

from __future__ import annotations

import json
import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import click
import commands_page
import glossary
import grimp
import pytest
from glossary import forbidden, in_code

from mockserver.cli import COMMANDS, main
from mockserver.control.table import ROWS

ROOT = Path(__file__).parents[1]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]
BEHAVIOUR = (ROOT / "docs" / "behaviour.md").read_text()
SECTIONS, OPERATIONS, FIDELITY = re.split(r"\n## (?:Operations|Fidelity)\n", BEHAVIOUR)
GRADE = re.compile(r"`(?:documented|spec|seen|choice \d+\.\d+)`(?:\n|$)")


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


def test_the_page_of_commands_is_what_the_commands_say() -> None:
    assert commands_page.PAGE.read_text() == commands_page.page(), "run: make docs"


def test_every_operation_and_webhook_is_in_the_behaviour_page() -> None:
    spec = json.loads((ROOT / "openapi.json").read_text())
    calls = {
        f"| `{operation['operationId']}` | `{method.upper()} {path}` |"
        for path, item in spec["paths"].items()
        for method, operation in item.items()
        if isinstance(operation, dict) and "operationId" in operation
    }
    assert {match.group() for match in re.finditer(r"\| `\w+` \| `[A-Z]+ [^`]+` \|", OPERATIONS)} == calls
    assert {kind for kind in spec["webhooks"] if f"`{kind}`" not in OPERATIONS} == set()


def test_every_call_of_the_control_plane_is_documented() -> None:
    page = (ROOT / "docs" / "control.md").read_text()
    assert [row.name for row in ROWS if f"{row.method} /_mock{row.path}" not in page] == []


ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text()


def test_the_tour_is_five_files_in_their_order() -> None:
    tour = re.findall(r"^\d\. \[`([^`]+)`\]", ARCHITECTURE, re.MULTILINE)
    assert tour == [
        "fixtures/catalog.toml",
        "mockserver/game/facts.py",
        "mockserver/game/engine.py",
        "mockserver/api/metrics.py",
        "mockserver/app.py",
    ]


def test_every_file_that_the_architecture_names_exists() -> None:
    named = set(re.findall(r"`([\w/.-]+\.(?:py|toml|json|md))`", ARCHITECTURE))
    assert len(named) > 20
    for name in named - {"new.json"}:
        places = [ROOT / name, ROOT / "mockserver" / name, ROOT / "docs" / name]
        assert any(place.exists() for place in places), name


def test_every_name_that_the_architecture_puts_into_a_file_is_there() -> None:
    pairs = re.findall(r"`([A-Za-z_.]+)` in `([\w/]+\.py)`", ARCHITECTURE)
    assert len(pairs) > 12
    for name, file in pairs:
        place = next(path for path in (ROOT / file, ROOT / "mockserver" / file) if path.exists())
        for part in name.split("."):
            assert re.search(rf"\b(class|def) {part}\b|^{part}\b.*=", place.read_text(), re.MULTILINE), (
                f"{name} in {file}"
            )


def test_every_part_of_the_package_is_on_the_plan() -> None:
    plan = ARCHITECTURE[ARCHITECTURE.index("```text") : ARCHITECTURE.index("Each concept has a file")]
    parts = {path.name for path in (ROOT / "mockserver").iterdir() if path.suffix in ("", ".py")}
    for part in parts - {"__init__.py", "__main__.py", "__pycache__", "data"}:
        assert part in plan, part


def test_the_layers_of_the_package_are_those_that_are_enforced() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = [layer.replace("mockserver.", "") for layer in contracts[0]["layers"]]
    assert "\n".join(["```text", *layers, "```"]) in ARCHITECTURE


@pytest.mark.parametrize("package", ["mockserver", "contract_tests"])
def test_no_modules_import_each_other_in_a_circle_not_even_for_their_types(package: str) -> None:
    """What import-linter forbids of imports that run, also of those below `if TYPE_CHECKING:`."""
    graph = grimp.build_graph(package, exclude_type_checking_imports=False)
    assert len(graph.modules) > 30
    order = TopologicalSorter({module: graph.find_modules_directly_imported_by(module) for module in graph.modules})
    order.prepare()  # CycleError names the circle


PROSE = [page for page in PAGES if page.name not in ("CHANGELOG.md", "glossary.md")]
CODE = glossary.code()


def test_the_words_of_the_glossary_are_those_that_are_looked_for() -> None:
    assert len(glossary.FORBIDDEN) > 15
    assert forbidden("Whoever answers: the OpenAPI document, the Document, `spec`.") == [
        "Whoever",
        "answers",
        "Document",
    ]
    source = "def tell(Person, users):  # the answer\n    return f'{users} people'\n"
    assert [found.split(": ")[1] for found in in_code("x.py", source)] == [
        "tell in 'tell'",
        "person in 'Person'",
        "answer in '# the answer'",
        """people in "f'{users} people'\"""",
    ]


def test_the_code_uses_the_words_of_the_glossary() -> None:
    assert len(CODE) > 500
    assert sum(name.endswith(".html") for name in CODE) > 10
    assert [found for name, source in CODE.items() for found in in_code(name, source)] == []


@pytest.mark.parametrize("exceptions", [glossary.TEXTS, glossary.VARIABLES], ids=["texts", "variables"])
def test_no_exception_is_left_that_the_code_does_not_need(
    exceptions: dict[str, tuple[str, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    for place, excepted in list(exceptions.items()):
        sources = {name: source for name, source in CODE.items() if glossary.is_in(name, place)}
        for one in excepted:
            monkeypatch.setitem(exceptions, place, tuple(other for other in excepted if other != one))
            assert any(any(in_code(name, source)) for name, source in sources.items() if one in source), (
                f"{place} does not need the exception {one}"
            )
            monkeypatch.setitem(exceptions, place, excepted)


@pytest.mark.parametrize("page", PROSE, ids=lambda page: page.name)
def test_the_pages_use_the_words_of_the_glossary(page: Path) -> None:
    """In prose; code, paths and the targets of links have the names that they have."""
    prose = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    prose = re.sub(r"<!--.*?-->|`[^`]*`|\]\([^)]*\)|^## mockserver .*?$", "", prose, flags=re.DOTALL | re.MULTILINE)
    assert [line for line in prose.splitlines() if forbidden(line)] == []


def commands(group: click.Group, context: click.Context) -> Iterator[tuple[str, click.Command]]:
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield f"{context.command_path} {name}", command
        if isinstance(command, click.Group):
            yield from commands(command, click.Context(command, context, name))


HELP = dict(commands(main, click.Context(main, info_name="mockserver")))


@pytest.mark.parametrize("name", HELP)
def test_help_uses_the_words_of_the_glossary(name: str) -> None:
    command = HELP[name]
    said = [command.help or "", command.get_short_help_str(200)]
    said += [option.help or "" for option in command.params if isinstance(option, click.Option)]
    assert [text for text in said if forbidden(text)] == []


def test_the_list_of_commands_uses_the_words_of_the_glossary() -> None:
    assert [says for _, says in COMMANDS.values() if forbidden(says)] == []
    assert not forbidden(main.help or "")


def test_every_page_is_in_the_index() -> None:
    index = (ROOT / "docs" / "index.md").read_text()
    pages = [page.name for page in PAGES if page.name != "index.md"]
    assert [name for name in pages if not re.search(rf"[(/]{re.escape(name)}[)#]", index)] == []
