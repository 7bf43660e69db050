"""The commands as a group, and the parts of `serve` that need no server."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner

from mockserver import catalogs
from mockserver.catalogs import CatalogError
from mockserver.cli import COMMANDS, main
from mockserver.serve import progress, spec_choice
from mockserver.serve.banner import base_url
from mockserver.serve.catalog_file import CatalogFile, find
from mockserver.serve.upkeep import reload
from mockserver.worlds import Plan, Worlds

NOON = 1_768_478_400_000  # 2026-01-15T12:00:00Z
BOOSTED = """
name = "x"
[points.xp]
name = "XP"
[[points.xp.boosts]]
name = "Since yesterday"
start = "-1d"
multiplier = 2
"""


def listed() -> list[str]:
    return main.list_commands(main.make_context("mockserver", ["--help"], resilient_parsing=True))


@pytest.mark.parametrize("name", listed())
def test_every_command_explains_itself(name: str) -> None:
    result = CliRunner().invoke(main, [name, "--help"])
    assert result.exit_code == 0
    assert result.output.startswith(f"Usage: main {name} [OPTIONS]")


def test_the_help_names_every_command() -> None:
    output = CliRunner().invoke(main, ["--help"]).output
    assert {"serve", "listen", "verify-webhooks", "catalog-schema"} <= set(listed())
    for name in listed():
        assert f"  {name} " in output
        assert COMMANDS[name][1].split()[0] in output


def test_the_help_imports_none_of_them() -> None:
    environment = os.environ | {"PYTHONPROFILEIMPORTTIME": "1"}
    command = [sys.executable, "-m", "mockserver", "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "mockserver.cli" in imported
    assert not imported & {"starlette", "uvicorn", "faker", "rich", "mockserver.spec", "mockserver.catalogs"}


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("ver", ["plain,verify", "plain,verify-webhooks"]),
        ("serve --log-l", ["plain,--log-level"]),
        ("serve --log-level d", ["plain,debug"]),
        ("serve --catalog st", ["plain,study"]),
        ("serve --catalog ./st", ["file,./st"]),
        ("example streak.l", ["plain,streak.lost"]),
        ("example users_al", ["plain,users_all_metrics"]),
        ("check new", ["file,new"]),
    ],
)
def test_a_shell_completes_what_is_typed(typed: str, offered: list[str]) -> None:
    """Asked as the script asks that the page of commands tells to add to a shell's settings."""
    words = ["mockserver", *typed.split()]
    asked = {"_MOCKSERVER_COMPLETE": "bash_complete", "COMP_WORDS": " ".join(words), "COMP_CWORD": str(len(words) - 1)}
    result = CliRunner().invoke(main, prog_name="mockserver", env=asked)
    assert [line for line in result.output.splitlines() if line] == offered


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_has_its_script(shell: str) -> None:
    page = (Path(__file__).parents[1] / "docs" / "commands.md").read_text()
    assert f"_MOCKSERVER_COMPLETE={shell}_source mockserver" in page
    result = CliRunner().invoke(main, prog_name="mockserver", env={"_MOCKSERVER_COMPLETE": f"{shell}_source"})
    assert "_MOCKSERVER_COMPLETE" in result.output


def test_an_unknown_command_is_refused() -> None:
    result = CliRunner().invoke(main, ["serv"])
    assert result.exit_code == 2
    assert "No such command 'serv'" in result.output


def test_a_broken_spec_is_told_in_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "openapi.json"
    broken.write_text(json.dumps({"openapi": "3.1.0", "info": {"title": "x"}, "paths": {}}))
    monkeypatch.setattr(spec_choice, "spec_path", lambda: broken)
    result = CliRunner().invoke(main, ["serve", "--port", "0", "--users", "0"])
    assert result.exit_code == 2
    assert result.output.startswith("Error: ")
    assert str(broken) in result.output


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:80/v1"),
        ("0.0.0.0", "http://127.0.0.1:80/v1"),
        ("::", "http://[::1]:80/v1"),
        ("::1", "http://[::1]:80/v1"),
        ("mock", "http://mock:80/v1"),
    ],
)
def test_the_printed_address_is_one_that_clients_can_use(host: str, url: str) -> None:
    assert base_url(host, 80) == url


def test_a_file_goes_before_a_catalog_of_the_same_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert find("study").name == "study.toml"
    (tmp_path / "study").write_text('name = "mine"')
    assert find("study") == Path("study")
    assert find("elsewhere/study") == Path("elsewhere/study")


class TestReloading:
    """A changed file takes effect in the worlds made from it; what is wrong in it changes nothing."""

    @pytest.fixture
    def file(self, tmp_path: Path) -> Path:
        file = tmp_path / "catalog.toml"
        file.write_text(BOOSTED)
        return file

    def test_relative_days_stay_where_they_were_when_the_world_was_made(self, file: Path) -> None:
        watched = CatalogFile(file)
        worlds = Worlds(Plan(watched, now=NOON, frozen=True))
        world = next(iter(worlds))
        world.clock.set(NOON + 40 * 86_400_000, True)
        file.write_text(BOOSTED.replace("multiplier = 2", "multiplier = 3"))
        reload(worlds, watched)
        (boost,) = world.catalog.points["xp"].boosts
        assert (boost.start, boost.multiplier) == (date(2026, 1, 14), 3_000_000)

    def test_a_mistake_is_logged_and_changes_nothing(self, file: Path, caplog: pytest.LogCaptureFixture) -> None:
        watched = CatalogFile(file)
        worlds = Worlds(Plan(watched, now=NOON, frozen=True))
        before = next(iter(worlds)).catalog
        file.write_text(BOOSTED.replace("multiplier = 2", "multiplier = -2"))
        with caplog.at_level(logging.ERROR):
            reload(worlds, watched)
        assert "line 8, points.xp.boosts[0].multiplier" in caplog.text
        assert next(iter(worlds)).catalog is before
        assert watched(date(2026, 1, 15)) == before

    def test_a_file_that_is_right_again_is_reported(self, file: Path, caplog: pytest.LogCaptureFixture) -> None:
        watched = CatalogFile(file)
        worlds = Worlds(Plan(watched, now=NOON, frozen=True))
        with caplog.at_level(logging.INFO):
            for text in ("nonsense", BOOSTED, "nonsense", BOOSTED.replace("multiplier = 2", "multiplier = 3"), BOOSTED):
                file.write_text(text)
                reload(worlds, watched)
        said = [record.message.replace(f"{file} ", "") for record in caplog.records if record.levelno == logging.INFO]
        assert said == [
            "is right again, and says what is in force.",
            "is right again and is in force.",
            "was read again and is in force.",
        ]

    def test_a_change_that_leaves_size_and_time_as_they_were_is_seen(self, file: Path) -> None:
        watched = CatalogFile(file)
        before = file.stat()
        file.write_text(BOOSTED.replace("multiplier = 2", "multiplier = 3"))
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
        assert (file.stat().st_size, file.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)
        assert "multiplier = 3" in (watched.changed_text() or "")
        assert watched.changed_text() is None

    def test_a_file_that_is_gone_for_a_moment_is_waited_for(self, file: Path) -> None:
        watched = CatalogFile(file)
        file.unlink()
        assert watched.changed_text() is None
        file.write_text(BOOSTED + "# back")
        assert watched.changed_text() == BOOSTED + "# back"

    def test_worlds_with_another_catalog_are_left_alone(self, file: Path) -> None:
        watched = CatalogFile(file)
        worlds = Worlds(Plan(watched, now=NOON, frozen=True))
        other = CatalogFile(find("study"))
        made = worlds.make(Plan(other, now=NOON, frozen=True))
        file.write_text(BOOSTED.replace('"XP"', '"Experience"'))
        reload(worlds, watched)
        assert next(iter(worlds)).catalog.points["xp"].name == "Experience"
        assert made.catalog.name == "Trophy Study"

    def test_a_file_that_cannot_be_read_at_first_stops_the_start(self, tmp_path: Path) -> None:
        with pytest.raises(CatalogError, match="no such file"):
            CatalogFile(tmp_path / "none.toml")


def lived(reporter: progress.Progress, *keys: str) -> Worlds:
    return Worlds(Plan(CatalogFile(find("study")), users=4, history_days=3, now=NOON), keys, reporter.populate)


def test_seeding_that_takes_long_shows_its_progress(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "PATIENCE", 0.0)
    with progress.Progress(4, 2) as reporter:
        lived(reporter, "a", "b")
    said = capsys.readouterr()
    assert "8 users" in said.err
    assert "events/s" in said.err
    assert said.out == ""


def test_tenants_have_users_each() -> None:
    catalog = catalogs.parse(
        'name = "x"\n[metrics.m]\nname = "M"\n[settings]\nmultiTenant = true\ntenants = ["a", "b"]',
        today=date(2026, 1, 15),
        name="x",
    )
    assert progress.populations(Plan(lambda _: catalog)) == 2
    assert progress.populations(Plan(CatalogFile(find("study")))) == 1


def test_worlds_that_are_made_later_report_to_nobody(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "PATIENCE", 0.0)
    with progress.Progress(4) as reporter:
        pass
    lived(reporter, "a")
    assert capsys.readouterr() == ("", "")


def test_seeding_that_is_quick_says_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "PATIENCE", 60.0)
    with progress.Progress(4) as reporter:
        lived(reporter, "a")
    assert capsys.readouterr() == ("", "")
