"""Catalogs that are wrong: each mistake is named with its line, its field and what was expected."""

import json
import tomllib
from datetime import date
from pathlib import Path

import jsonschema
import pytest

from mockserver import catalogs
from mockserver.catalogs.schema import schema
from mockserver.game.errors import Refused

TODAY = date(2026, 1, 15)

GOOD = """\
name = "x"
userAttributes = ["plan", "city"]
eventAttributes = ["source"]
[metrics.words]
name = "Words"
[achievements.first]
name = "First"
trigger = "metric"
metricKey = "words"
metricValue = 10
[achievements.both]
name = "Both"
trigger = "achievement"
achievementKeys = ["first"]
[points.xp]
name = "XP"
[[points.xp.triggers]]
type = "metric"
metricKey = "words"
metricThreshold = 10
points = 5
[points.xp.levels.bronze]
name = "Bronze"
points = 0
[points.xp.levels.silver]
name = "Silver"
points = 10
[[points.xp.boosts]]
name = "Double"
start = "-1d"
multiplier = 2
[leaderboards.board]
name = "Board"
rankBy = "metric"
metricKey = "words"
start = "-1d"
[streak]
freezes = { maximum = 3 }
"""

# What is written instead of what · the line and field that are named · words of the complaint · whether the
# schema for editors sees it too
MISTAKES = [
    ('name = "x"', "name = 5", "line 1, name", "expected text that is not empty, found 5", True),
    ('name = "x"', 'name = ""', "line 1, name", 'found ""', True),
    ('name = "x"', 'title = "x"', "line 1, title", "unknown field", True),
    ('name = "x"', "", ": `name` is missing", "expected text", True),
    ('"city"]', '"plan"]', "line 2, userAttributes[1]", '"plan" stands here twice', True),
    ('["source"]', '"source"', "line 3, eventAttributes",
     'expected an array: each text that is not empty, found "source"', True),
    ('name = "Words"', 'nam = "Words"', "line 5, metrics.words.nam", 'did you mean "name"?', True),
    ('name = "Words"', "", "line 4, metrics.words", "`name` is missing", True),
    ('name = "Words"', 'name = "W"\nstatus = "off"', "line 6, metrics.words.status", 'one of "active", "inactive"',
     True),
    ('trigger = "metric"', 'trigger = "metrics"', "line 8, achievements.first.trigger", 'found "metrics"', True),
    ('trigger = "metric"', 'trigger = "api"', "line 9, achievements.first.metricKey",
     'only goes with trigger = "metric"', True),
    ("metricValue = 10", "", "line 6, achievements.first", "`metricValue` is missing", True),
    ("metricValue = 10", "metricValue = 0", "line 10, achievements.first.metricValue", "a number above 0", True),
    ("metricValue = 10", "metricValue = 0.0000001", "line 10", "at most 6 decimals, found 1E-7", False),
    ("metricValue = 10", "metricValue = inf", "line 10", "found Infinity", True),
    ("metricValue = 10", "metricValue = 1e13", "line 10", "found 1E+13", True),
    ("metricValue = 10", "metricValue = true", "line 10", "found true", True),
    ('metricKey = "words"\nmetricValue', 'metricKey = "word"\nmetricValue', "line 9, achievements.first.metricKey",
     '"word" is not in `metrics`; did you mean "words"?', False),
    ('"first"]', '"last"]', "line 14, achievements.both.achievementKeys[0]", "not in `achievements`", False),
    ('["first"]', "[]", "line 14, achievements.both.achievementKeys", "an array with something in it", True),
    ('["first"]', '["both"]', "line 6, achievements", 'in a circle: "both" needs "both"', False),
    ("metricThreshold = 10", "metricThreshold = 10.0", "line 20, points.xp.triggers[0].metricThreshold",
     "expected a whole number of at least 1, found 10.0", False),
    ("metricThreshold = 10", "metricThreshold = 0", "line 20", "found 0", True),
    ("points = 5", "points = 0", "line 21, points.xp.triggers[0].points", "a whole number, not 0", True),
    ("points = 5", "points = 5\ntimeUnit = 'day'", "line 22", 'only goes with type = "time"', True),
    ("points = 5", "points = 5\nuserAttributes = { plam = 'x' }", "line 22, points.xp.triggers[0].userAttributes.plam",
     'not in `userAttributes`; did you mean "plan"?', False),
    ("points = 5", "points = 5\n[points.xp.triggers.eventAttributes]\nsauce = 'x'",
     "line 23, points.xp.triggers[0].eventAttributes.sauce", 'did you mean "source"?', False),
    ("points = 10\n[[", "points = 0\n[[", "line 22, points.xp.levels",
     '"silver" (0 points) stands after "bronze" (0', False),
    ('start = "-1d"\nmultiplier', 'start = "-1m"\nmultiplier', "line 30, points.xp.boosts[0].start",
     'expected a day like "2026-01-31", "today", "-14d" or "+2w", found "-1m"', True),
    ('start = "-1d"\nmultiplier', 'start = "2026-02-30"\nmultiplier', "line 30", 'found "2026-02-30"', False),
    ('start = "-1d"\nmultiplier', 'start = "2026-W01-1"\nmultiplier', "line 30", 'found "2026-W01-1"', True),
    ('start = "-1d"\nmultiplier', 'start = "-9999999d"\nmultiplier', "line 30", 'found "-9999999d"', False),
    ('start = "-1d"\nmultiplier', "start = 2026-01-01T00:00:00Z\nmultiplier", "line 30", "found a date with a time",
     True),
    ("multiplier = 2", "multiplier = 2\nend = '-2d'", "line 32, points.xp.boosts[0].end",
     "expected 2026-01-14 (the start) or later, found 2026-01-13", False),
    ("multiplier = 2", "multiplier = 2\nuserId = 'u'\nuserAttributes = { plan = 'x' }",
     "line 32, points.xp.boosts[0].userId",
     "expected either `userId` or `userAttributes`, found both", False),
    ('start = "-1d"\n[streak', 'start = "-1d"\nstartTime = "9:00"\n[streak', "line 37, leaderboards.board.startTime",
     'a time of day like "09:00", from "00:00" to "23:59", found "9:00"', True),
    ('start = "-1d"\n[streak', 'start = "-1d"\nendTime = "24:00"\n[streak', "line 37, leaderboards.board.endTime",
     'found "24:00"', True),
    ('start = "-1d"\n[streak', 'start = "-1d"\nstartTime = "22:00"\nendTime = "02:00"\n[streak',
     "line 38, leaderboards.board.endTime", "a time after 22:00 (the start) on the same day, found 02:00", False),
    ('start = "-1d"\n[streak', 'start = "-1d"\nendTime = "00:00"\n[streak', "line 37, leaderboards.board.endTime",
     "a time after 00:00 (the start)", False),
    ('start = "-1d"\n[streak', 'start = "-1d"\nuserAttributes = { plam = "x" }\n[streak',
     "line 37, leaderboards.board.userAttributes.plam", 'did you mean "plan"?', False),
    ('start = "-1d"\n[streak', 'start = "-1d"\nmaxParticipants = 1001\n[streak',
     "line 37, leaderboards.board.maxParticipants", "a whole number from 1 to 1000, found 1001", True),
    ('start = "-1d"\n[streak', 'start = "-1d"\nrunUnit = "day"\n[streak', "line 32, leaderboards.board",
     "`runInterval` is missing: a leaderboard that repeats", False),
    ('rankBy = "metric"', 'rankBy = "streak"\nrunUnit = "day"', "line 35, leaderboards.board.runUnit",
     'only goes with rankBy = "metric" or "points"', True),
    ('rankBy = "metric"', 'rankBy = "points"\npointsSystemKey = "px"', "line 35, leaderboards.board.pointsSystemKey",
     '"px" is not in `points`', True),
    ('start = "-1d"\n[streak', 'start = "-1d"\nbreakdownAttributes = ["town"]\n[streak',
     "line 37, leaderboards.board.breakdownAttributes[0]", '"town" is not in `userAttributes`', False),
    ("maximum = 3", "maximum = 101", "line 38, streak.freezes.maximum", "a whole number from 0 to 100, found 101",
     True),
    ("maximum = 3", "initial = 4, maximum = 3", "line 38, streak.freezes.initial", "at most `maximum` (3), found 4",
     False),
    ("maximum = 3", "maximum = 3, autoEarnAmount = 2", "line 38", "only goes with autoEarnInterval", False),
    ("freezes =", "daysOff = [7]\nfreezes =", "line 38, streak.daysOff[0]", "a whole number from 0 to 6, found 7",
     True),
    ("freezes =", "daysOff = [1, 1]\nfreezes =", "line 38, streak.daysOff[1]", "stands here twice", True),
    ("freezes =", "daysOff = [0, 1, 2, 3, 4, 5, 6]\nfreezes =", "line 38, streak.daysOff",
     "expected at least one day that is not off", False),
    ("freezes =", 'frequency = "weekly"\ndaysOff = [0]\nfreezes =', "line 39, streak.daysOff",
     'only goes with frequency = "daily"', False),
    ("freezes =", 'customizable = "yes"\nfreezes =', "line 38, streak.customizable", "true or false", True),
    ("freezes =", "conditions = { word = 1 }\nfreezes =", "line 38, streak.conditions.word", "not in `metrics`", False),
    ("freezes =", "conditions = { words = 0 }\nfreezes =", "line 38, streak.conditions.words", "decimals, found 0",
     True),
    ("[streak]", "[settings]\ntenants = ['a']\n[streak]", "line 38, settings.tenants",
     "only goes with multiTenant = true", False),
    ("[streak]", "[settings]\ncontrolRatio = 1.5\n[streak]", "line 38", "a number from 0 to 1, found 1.5", True),
    ("[streak]", "[[webhooks]]\nurl = 'ftp://x'\n[streak]", "line 38, webhooks[0].url", "http:// or https://", False),
    ("[streak]", "[[webhooks]]\nurl = 'http://x'\nevents = ['streak.gone']\n[streak]", "line 39, webhooks[0].events[0]",
     '"streak.lost"', True),
    ('name = "Words"', 'name = "Words"\nid = "i"\n[metrics.pages]\nname = "P"\nid = "i"', "my.toml",
     'the id "i" is given twice',
     False),
    ("[metrics.words]", "[metrics.'']\nname = 'x'\n[metrics.words]", 'line 4, metrics.""',
     "a key must not be empty", True),
    ("[metrics.words]", "[metrics.'\\u0000']\nname = 'x'\n[metrics.words]".replace("'", '"'), "line 4", "a NUL", False),
    ("[metrics.words]", "[[metrics.words]]", "line 4, metrics.words", "expected a table, found an array", True),
    ("[streak]\n", "streak = 5\n[settings]\n", "line 37", "unknown field", True),
]  # fmt: skip


def broken(instead_of: str, written: str) -> str:
    assert GOOD.count(instead_of), f"{instead_of!r} is not in the good catalog"
    return GOOD.replace(instead_of, written, 1)


def complaint(text: str) -> str:
    with pytest.raises(catalogs.CatalogError) as refused:
        catalogs.parse(text, today=TODAY, name="my.toml")
    return str(refused.value)


def test_the_good_catalog_is_good() -> None:
    assert catalogs.parse(GOOD, today=TODAY).name == "x"
    jsonschema.Draft7Validator(schema()).validate(tomllib.loads(GOOD))


@pytest.mark.parametrize(("instead_of", "written", "place", "words", "_"), MISTAKES)
def test_a_mistake_is_named_with_its_line_its_field_and_what_was_expected(
    instead_of: str, written: str, place: str, words: str, _: bool
) -> None:
    said = complaint(broken(instead_of, written))
    assert said.startswith("my.toml")
    line = next((line for line in said.splitlines() if words in line), said)
    assert place in line
    assert words in line


@pytest.mark.parametrize(("instead_of", "written", "_", "__", "seen"), MISTAKES)
def test_the_schema_for_editors_sees_what_a_schema_can_see(
    instead_of: str, written: str, _: str, __: str, seen: bool
) -> None:
    data = tomllib.loads(broken(instead_of, written), parse_float=float)
    plain = json.loads(json.dumps(data, default=str))
    assert jsonschema.Draft7Validator(schema()).is_valid(plain) is not seen


def test_all_mistakes_are_reported_together_in_the_order_of_their_lines() -> None:
    text = broken('name = "Words"', 'name = "Words"\nunit = "w"').replace("points = 5", "points = 0.5")
    said = complaint(text).splitlines()
    assert said[0] == "my.toml: 2 problems"
    assert [line.split(",")[0].strip() for line in said[1:]] == ["line 6", "line 22"]


def test_a_misspelt_field_is_not_reported_as_missing_too() -> None:
    assert "missing" not in complaint(broken("metricThreshold = 10", "metricTreshold = 10"))


def test_a_single_mistake_is_one_sentence() -> None:
    assert complaint(broken("points = 5", "points = 0")) == (
        "my.toml, line 21, points.xp.triggers[0].points: expected a whole number, not 0, found 0"
    )


def test_a_key_that_its_metric_broke_is_not_reported_twice() -> None:
    assert "1 problem" not in (said := complaint(broken('name = "Words"', "name = 5")))
    assert "not in `metrics`" not in said


def test_text_that_is_not_toml_is_refused_with_its_line() -> None:
    assert (
        complaint('name = "x"\n[metrics')
        == "my.toml, line 2: this is not TOML: expected ']' at the end of a table declaration"
    )
    assert complaint("x = " + "[" * 10_000).startswith("my.toml, line 1: this is nested too deeply")
    assert complaint('name = "x"\nname = "y"').startswith("my.toml, line 2: this is not TOML: cannot overwrite")
    assert complaint('name = "x"\n[a]\n[a]\n').startswith("my.toml, line 3: this is not TOML: cannot declare")


def test_lines_are_found_behind_text_and_arrays_of_several_lines() -> None:
    text = (
        'name = """\n[metrics.a]\nname = 1\n"""\nuserAttributes = [\n  "a", # [b]\n  5,\n]\n\n[metrics.a]\r\nname = 7\n'
    )
    said = complaint(text)
    assert "line 5, userAttributes[1]" in said
    assert "line 11, metrics.a.name" in said


def test_dotted_keys_and_inline_tables_have_lines_too() -> None:
    text = 'name = "x"\nmetrics.a.name = "A"\nmetrics.a.unit = "u"\n[points]\nxp = { name = "XP", max = 5 }\n'
    said = complaint(text)
    assert "line 3, metrics.a.unit" in said
    assert "line 5, points.xp.max" in said


def test_an_error_is_refused_input_for_the_server_too() -> None:
    with pytest.raises(Refused, match="catalog: `name` is missing"):
        catalogs.from_data({}, today=TODAY)


@pytest.mark.parametrize("data", [[], "text", 5, None])
def test_data_that_are_no_table_are_refused(data: object) -> None:
    with pytest.raises(catalogs.CatalogError, match="expected a table"):
        catalogs.from_data(data, today=TODAY)


@pytest.mark.parametrize("data", [{"name": "x", "metrics": []}, {"name": "x", "metrics": {"m": 5}}])
def test_data_without_lines_are_refused_by_field(data: object) -> None:
    with pytest.raises(catalogs.CatalogError, match=r"^catalog: metrics(\.m)?: expected a table"):
        catalogs.from_data(data, today=TODAY)


def test_a_lone_surrogate_is_refused() -> None:
    with pytest.raises(catalogs.CatalogError, match="half a surrogate pair"):
        catalogs.from_data({"name": "\ud800"}, today=TODAY)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "latin.toml").write_bytes(b'name = "\xe9"')
    for name, said in [("none.toml", "there is no such file"), ("latin.toml", "UTF-8"), (".", "cannot be read")]:
        with pytest.raises(catalogs.CatalogError, match=said):
            catalogs.load(tmp_path / name, today=TODAY)
