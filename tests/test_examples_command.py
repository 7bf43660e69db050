"""`mockserver example` as users type it, and the files that come with the project."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result
from example_batches import ROOT, batch, body, declared, loaded_spec, validator

from mockserver.cli import main

FILES = ROOT / "fixtures" / "examples"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["example", *arguments])


def test_a_name_alone_gives_the_successful_response() -> None:
    assert json.loads(run("users_get").stdout) == body("users_get", "200")
    assert json.loads(run("metrics_event").stdout) == body("metrics_event", "201")


def test_requests_errors_and_webhooks_have_their_own_way_to_be_asked_for() -> None:
    assert json.loads(run("metrics_event", "--request").stdout) == body("metrics_event", "request")
    assert json.loads(run("points_levels", "--status", "404").stdout) == body("points_levels", "404")
    assert json.loads(run("streak.lost").stdout) == body("streak.lost", "webhook")


def test_count_seed_catalog_and_now_change_whom_it_is_about() -> None:
    several = [json.loads(line) for line in run("users_get", "--count", "3", "--format", "jsonl").stdout.splitlines()]
    assert several[0] == body("users_get", "200")
    assert len({user["id"] for user in several}) == 3
    assert json.loads(run("users_get", "--count", "3").stdout) == several
    other = json.loads(run("users_get", "--seed", "2").stdout)
    assert other == body("users_get", "200", batch(seed=2)) != several[0]
    flashcards = json.loads(run("metrics_event", "--request", "--catalog", "study").stdout)
    assert flashcards == body("metrics_event", "request", batch("study"))
    assert json.loads(run("users_get", "--now", "2030-06-01T00:00:00Z").stdout)["updated"] == "2030-06-01T00:00:00.000Z"


def test_a_catalog_of_ones_own_is_read_from_its_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('name = "Mine"\n[metrics.lessons]\nname = "Lessons"\n')
    assert json.loads(run("users_single_metric", "--catalog", str(file)).stdout)["key"] == "lessons"
    result = run("points_levels", "--catalog", str(file))
    assert [level["key"] for level in json.loads(result.stdout)] == ["bronze", "silver", "gold", "platinum"]
    assert result.stderr == "The catalog has nothing for points_levels: this is taken from the default one.\n"
    file.write_text('name = "Mine"\n[metrics.lessons]\n')
    result = run("users_get", "--catalog", str(file))
    assert result.exit_code == 2
    assert "metrics.lessons" in result.stderr


def test_when_a_world_has_fewer_than_asked_for_it_says_so() -> None:
    result = run("points.boost_finished", "--count", "3")
    assert json.loads(result.stdout)["type"] == "points.boost_finished"
    assert result.stderr == "Only 1 of points.boost_finished: no more have come about in this world.\n"
    result = run("streak.lost", "--now", "1970-01-01")
    assert result.exit_code == 1
    assert "Nothing in this world leads to streak.lost" in result.stderr


@pytest.mark.parametrize("form", ["json", "jsonl", "yaml", "curl", "http", "python"])
def test_every_format_says_the_same(form: str) -> None:
    text = run("users_identify", "--request", "--format", form).stdout
    wanted = body("users_identify", "request")
    if form in ("json", "jsonl", "yaml"):
        assert yaml.safe_load(text) == wanted
    for value in (wanted["email"], wanted["tz"], *wanted["attributes"].values()):
        assert value in text
    first = {"curl": "curl -X PUT http", "http": "PUT /v1/users/user-", "python": "from trophy import TrophyApi"}
    assert text.startswith(first.get(form, ""))


def test_a_response_and_a_webhook_can_be_written_as_http_messages() -> None:
    head, _, content = run("users_get", "--status", "422", "--format", "http").stdout.partition("\n\n")
    assert head.splitlines()[0] == "HTTP/1.1 422 Unprocessable Entity"
    assert json.loads(content) == body("users_get", "422")
    head, _, content = run("streak.lost", "--format", "http").stdout.partition("\n\n")
    assert head.splitlines()[0] == "POST /webhooks HTTP/1.1"
    assert "X-Trophy-Signature: " in head
    assert json.loads(content) == body("streak.lost", "webhook")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["user_get"], "Did you mean users_get or"),
        (["users.getPreferences"], "Did you mean users_get_preferences or"),
        (["streak_lost"], "Did you mean streak.lost"),
        (["zzz"], "See mockserver example --list."),
        (["points_levels", "--status", "400"], "points_levels does not declare 400, only 200, 401, 404."),
        (["users_get", "--status", "200", "--request"], "--request and --status exclude each other."),
        (["streak.lost", "--request"], "streak.lost is a webhook: it has neither --request nor --status."),
        ([], "Give the NAME of an operation or webhook, or --all --out DIR, or --list."),
        (["users_get", "--list"], "Give the NAME of an operation or webhook, or --all --out DIR, or --list."),
        (["--all"], "--all and --out DIR go together."),
        (["users_get", "--out", "x"], "--all and --out DIR go together."),
        (["--list", "--request"], "--request and --status go with a NAME."),
        (["users_get", "--now", "noon"], "'noon' is not a time like 2026-01-15T12:00:00Z."),
    ],
)
def test_a_wrong_call_says_what_is_wrong(arguments: list[str], sentence: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert sentence in " ".join(result.stderr.split())


def test_the_list_names_everything_and_what_the_catalog_lacks(tmp_path: Path) -> None:
    without_points = tmp_path / "without-points.toml"
    without_points.write_text('name = "x"\n[metrics.m]\nname = "M"\n')
    lines = run("--list", "--catalog", str(without_points)).stdout.splitlines()
    rows = {line.split()[0]: line for line in lines[1:] if line.strip()}
    assert set(rows) == {name for name, _ in declared()}
    for name, part in declared():
        assert part in rows[name].split()
    assert rows["points_boosts"].rstrip().endswith("the default catalog")
    assert rows["users_get"].rstrip().endswith("this catalog")
    assert max(map(len, lines)) <= 80


@pytest.mark.parametrize("form", ["yaml", "http"])
def test_all_can_be_written_in_every_format(tmp_path: Path, form: str) -> None:
    assert run("--all", "--out", str(tmp_path / "new"), "--format", form, "--count", "2").exit_code == 0
    names = {file.name for file in (tmp_path / "new").iterdir()}
    assert {f"users_get.200.{form}", f"users_get.200.2.{form}", f"streak.lost.webhook.{form}"} <= names


def test_the_committed_examples_are_complete_and_valid() -> None:
    assert {file.name for file in FILES.iterdir()} == {f"{name}.{part}.json" for name, part in declared()}
    for name, part in declared():
        content = json.loads((FILES / f"{name}.{part}.json").read_text())
        assert validator((name, part)).is_valid(content), (name, part)


def test_the_committed_examples_are_up_to_date(tmp_path: Path) -> None:
    """`make examples` writes them anew."""
    command = [sys.executable, "-m", "mockserver", "example", "--all", "--seed", "1", "--out", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stderr == f"{len(declared())} files in {tmp_path}\n"
    stale = [file.name for file in tmp_path.iterdir() if file.read_bytes() != (FILES / file.name).read_bytes()]
    assert stale == [], "run: make examples"


def test_the_spec_and_the_examples_have_the_same_order() -> None:
    assert [name for name, part in declared() if part == "request"] == list(loaded_spec().operations)
