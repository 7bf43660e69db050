"""Catalogs that are right: what they become, and that nothing is lost on the way there and back."""

import json
from datetime import date
from pathlib import Path

import pytest

from mockserver import catalogs
from mockserver.game.catalog import MICRO, AttributeFilter, Boost, Catalog, Leaderboard, StreakCondition

TODAY = date(2026, 1, 15)
FIXTURES = catalogs.BUNDLED


def parse(text: str, today: date = TODAY) -> Catalog:
    return catalogs.parse(text, today=today)


def fixture(name: str) -> Catalog:
    return catalogs.load(catalogs.fixture(name), today=TODAY)


@pytest.mark.parametrize("name", FIXTURES)
def test_a_catalog_written_as_json_reads_back_as_the_same_catalog_on_any_day(name: str) -> None:
    written = json.loads(json.dumps(catalogs.dump(fixture(name))))
    assert catalogs.from_data(written, today=date(1999, 12, 31)) == fixture(name)


def test_every_field_survives_being_written_as_json() -> None:
    text = """
        name = "x"
        userAttributes = ["plan"]
        [metrics.m]
        name = "M"
        status = "inactive"
        id = "own"
        [streak]
        frequency = "monthly"
        evaluation = "all"
        conditions = { m = 0.25 }
        freezes = { initial = 1, maximum = 2, autoEarnInterval = 30, autoEarnAmount = 2 }
        [points.xp]
        name = "XP"
        [[points.xp.triggers]]
        type = "time"
        timeUnit = "day"
        timeInterval = 2
        points = -1
        status = "inactive"
        created = "-3d"
        updated = "-1d"
        userAttributes = { plan = "" }
        [leaderboards.b]
        name = "B"
        rankBy = "points"
        pointsSystemKey = "xp"
        start = "today"
        end = "+1d"
        userAttributes = { plan = "pro" }
        startTime = "00:00"
        endTime = "17:45"
        runUnit = "year"
        runInterval = 2
        breakdownAttributes = ["plan"]
        [[webhooks]]
        url = "https://example.com"
        secret = "s"
        events = ["streak.lost"]
        active = false
        [settings]
        multiTenant = true
        tenants = ["a", "b"]
        controlRatio = 0.25
        weekStart = "monday"
        pointsChangedWindow = 0
        rankChangedNeighbours = 0
    """
    written = json.loads(json.dumps(catalogs.dump(parse(text))))
    assert catalogs.from_data(written, today=date(1999, 12, 31)) == parse(text)
    assert written["settings"]["weekStart"] == "monday"
    assert written["points"]["xp"]["triggers"][0]["created"] == "2026-01-12"


def test_amounts_are_kept_in_millionths_without_rounding() -> None:
    fitness = fixture("fitness")
    assert fitness.achievements["half-marathon"].value == 21_100_000
    assert catalogs.dump(fitness)["achievements"]["half-marathon"]["metricValue"] == 21.1


def test_relative_days_are_counted_from_the_day_the_world_is_made() -> None:
    text = """
        name = "x"
        [points.xp]
        name = "XP"
        [[points.xp.boosts]]
        name = "today"
        start = "today"
        multiplier = 2
        [[points.xp.boosts]]
        name = "days"
        start = "-14d"
        end = "+7d"
        multiplier = 2
        [[points.xp.boosts]]
        name = "weeks"
        start = "-2w"
        end = "+1w"
        multiplier = 2
        [[points.xp.boosts]]
        name = "absolute"
        start = 2026-02-01
        end = "2026-02-02"
        multiplier = 2
    """
    days = [(boost.start, boost.end) for boost in parse(text).points["xp"].boosts]
    assert days == [
        (TODAY, None),
        (date(2026, 1, 1), date(2026, 1, 22)),
        (date(2026, 1, 1), date(2026, 1, 22)),
        (date(2026, 2, 1), date(2026, 2, 2)),
    ]


def test_an_id_follows_from_kind_and_key_and_nothing_else() -> None:
    one = parse('name = "x"\n[metrics.words]\nname = "Words"\n[metrics.pages]\nname = "Pages"')
    other = parse('name = "y"\n[metrics.pages]\nname = "Sheets"\n[metrics.words]\nname = "W"', date(2000, 1, 1))
    assert one.metrics["words"].id == other.metrics["words"].id
    assert one.metrics["words"].id != one.metrics["pages"].id


def test_the_same_key_under_another_kind_or_system_has_another_id() -> None:
    level = 'levels.gold = { name = "Gold", points = 1 }'
    catalog = parse(
        f'name = "x"\n[metrics.gold]\nname = "Gold"\n[points.a]\nname = "A"\n{level}\n[points.b]\nname = "B"\n{level}'
    )
    ids = {catalog.metrics["gold"].id, catalog.points["a"].levels[0].id, catalog.points["b"].levels[0].id}
    assert len(ids) == 3


def test_a_given_id_is_kept() -> None:
    assert parse('name = "x"\n[metrics.m]\nname = "M"\nid = "mine"').metrics["m"].id == "mine"


def test_a_trigger_keeps_its_id_when_it_moves_or_pays_more_and_equal_ones_still_differ() -> None:
    def ids(*points: tuple[str, int]) -> list[str]:
        rows = "".join(f'[[points.xp.triggers]]\ntype = "user_creation"\npoints = {p}\n' for t, p in points if t == "u")
        rows += "".join(
            f'[[points.xp.triggers]]\ntype = "streak"\nstreakLengthThreshold = 7\npoints = {p}\n'
            for t, p in points
            if t == "s"
        )
        return [row.id for row in parse(f'name = "x"\n[points.xp]\nname = "XP"\n{rows}').points["xp"].triggers]

    creation, streak = ids(("u", 5), ("s", 10))
    assert ids(("s", 99)) == [streak]
    twice = ids(("u", 5), ("u", 6))
    assert twice[0] == creation
    assert len({*twice, streak}) == 3


def test_what_is_left_out_takes_the_default() -> None:
    text = """
        name = "x"
        [metrics.m]
        name = "M"
        [points.xp]
        name = "XP"
        [[points.xp.triggers]]
        type = "user_creation"
        points = 5
        [points.xp.levels.one]
        name = "One"
        points = 0
    """
    catalog = parse(text)
    trigger, level = catalog.points["xp"].triggers[0], catalog.points["xp"].levels[0]
    assert catalog.streak is None
    assert catalog.metrics["m"].active
    assert level.description == ""
    assert trigger.created == trigger.updated == 1_760_659_200_000  # 90 days before: 2025-10-17
    assert catalog.settings.week_start == 6


def test_a_trigger_was_updated_when_it_was_created_unless_said_otherwise() -> None:
    row = '[[points.xp.triggers]]\ntype = "user_creation"\npoints = 5\n'
    rows = f'{row}created = "1970-01-02"\n{row}created = "1970-01-02"\nupdated = "today"'
    text = f'name = "x"\n[points.xp]\nname = "XP"\n{rows}'
    first, second = parse(text, date(1970, 1, 4)).points["xp"].triggers
    assert (first.created, first.updated) == (86_400_000, 86_400_000)
    assert (second.created, second.updated) == (86_400_000, 3 * 86_400_000)


def test_words_of_the_catalog_become_what_the_game_counts_with() -> None:
    text = """
        name = "x"
        userAttributes = ["plan"]
        [metrics.m]
        name = "M"
        status = "inactive"
        [streak]
        frequency = "weekly"
        evaluation = "all"
        conditions = { m = 0.5 }
        [achievements.a]
        name = "A"
        trigger = "api"
        userAttributes = { plan = "" }
        [settings]
        weekStart = "monday"
    """
    catalog = parse(text)
    assert not catalog.metrics["m"].active
    assert catalog.streak is not None
    assert catalog.streak.conditions == (StreakCondition("m", MICRO // 2),)
    assert catalog.achievements["a"].user_attributes == (AttributeFilter("plan", ""),)
    assert catalog.settings.week_start == 0


def test_null_is_as_good_as_leaving_a_field_out() -> None:
    data = {"name": "x", "streak": None, "metrics": {"m": {"name": "M", "units": None}}}
    assert catalogs.from_data(data, today=TODAY) == parse('name = "x"\n[metrics.m]\nname = "M"')


def test_keys_may_hold_any_text() -> None:
    catalog = parse('name = "x"\n[metrics."Wörter / Tag 📖"]\nname = "M"')
    assert list(catalog.metrics) == ["Wörter / Tag 📖"]


def test_a_byte_order_mark_is_no_part_of_the_catalog(tmp_path: Path) -> None:
    file = tmp_path / "bom.toml"
    file.write_bytes(b'\xef\xbb\xbfname = "x"')
    assert catalogs.load(file, today=TODAY).name == "x"


class TestTheDefaultCatalog:
    """It has at least one of everything, so that every feature can be tried without writing a catalog."""

    catalog = fixture("catalog")

    def test_it_has_the_keys_of_the_specs_own_examples(self) -> None:
        assert "words-written" in self.catalog.metrics
        assert {"xp", "energy"} == set(self.catalog.points)
        assert {"weekly-words", "all-time", "xp-board"} <= set(self.catalog.leaderboards)
        assert {"finish-onboarding", "novice-writer", "3-day-streak"} <= set(self.catalog.achievements)
        assert {"plan-type", "region", "department", "role"} == set(self.catalog.user_attributes)
        assert {"source", "category"} == set(self.catalog.event_attributes)

    def test_it_has_achievements_of_every_trigger_status_and_filter(self) -> None:
        rows = self.catalog.achievements.values()
        assert {row.trigger for row in rows} == {"metric", "streak", "api", "achievement"}
        assert {row.status for row in rows} == {"active", "inactive", "locked"}
        assert any(row.trigger == "metric" and not row.user_attributes + row.event_attributes for row in rows)
        assert any(row.user_attributes for row in rows)
        assert {len(row.event_attributes) for row in rows} == {0, 1, 2}
        assert min(row.streak_length for row in rows if row.trigger == "streak") == 1

    def test_it_has_points_triggers_of_every_type_and_levels_boosts_and_a_cap(self) -> None:
        triggers = [row for system in self.catalog.points.values() for row in system.triggers]
        assert {row.type for row in triggers} == {"metric", "achievement", "streak", "time", "user_creation"}
        assert {row.time_unit for row in triggers if row.type == "time"} == {"hour", "day"}
        assert "archived" in {row.status for row in triggers}
        assert min(row.points for row in triggers) < 0
        assert any(
            self.catalog.achievements[str(row.achievement)].trigger == "api"
            for row in triggers
            if row.type == "achievement"
        )
        assert self.catalog.points["xp"].levels
        assert self.catalog.points["energy"].max_points == 100

    def test_boosts_and_leaderboards_are_finished_active_and_scheduled_on_the_first_day(self) -> None:
        def status(row: Boost | Leaderboard) -> str:
            return "scheduled" if row.start > TODAY else "finished" if row.end and row.end < TODAY else "active"

        everything = {"finished", "active", "scheduled"}
        assert {status(row) for row in self.catalog.points["xp"].boosts} == everything
        assert {status(row) for row in self.catalog.leaderboards.values()} == everything

    def test_it_has_leaderboards_of_every_kind(self) -> None:
        rows = self.catalog.leaderboards.values()
        assert {row.rank_by for row in rows} == {"metric", "points", "streak"}
        assert {row.run_unit for row in rows} == {None, "day", "month"}
        assert {len(row.breakdown) for row in rows} == {0, 1, 2}

    def test_any_activity_extends_the_streak_and_freezes_are_on(self) -> None:
        assert self.catalog.streak is not None
        assert self.catalog.streak.conditions == ()
        assert self.catalog.streak.freezes is not None
        assert self.catalog.streak.freezes.auto_earn_interval == 7

    def test_it_sends_no_webhooks_unasked(self) -> None:
        assert self.catalog.webhooks == ()


def test_the_fitness_catalog_has_what_the_example_app_asks_for() -> None:
    fitness = fixture("fitness")
    values: dict[str, list[float]] = {}
    for row in fitness.achievements.values():
        if row.trigger == "metric":
            values.setdefault(str(row.metric), []).append(row.value / MICRO)
    boards = {f"weekly-distance-{sport}{group}" for sport in ("run", "cycled", "swum") for group in ("", "-cities")}
    assert values == {"distance_run": [5, 21.1, 42.2], "distance_cycled": [100, 200], "distance_swum": [1000, 5000]}
    assert [level.points for level in fitness.points["xp"].levels] == [0, 100, 500, 2500, 10_000]
    assert (fitness.points["xp"].triggers[0].metric, fitness.points["xp"].triggers[0].threshold) == ("distance_run", 1)
    assert set(fitness.leaderboards) == boards | {"top-athletes"}
    assert all(
        row.breakdown == (("city",) if key.endswith("cities") else ()) for key, row in fitness.leaderboards.items()
    )
    assert (fitness.user_attributes, fitness.event_attributes) == (("city",), ("pace", "style"))


def test_the_study_catalog_has_what_the_example_app_asks_for() -> None:
    study = fixture("study")
    stages = [row.value // MICRO for row in study.achievements.values() if row.trigger == "metric"]
    assert stages == [10, 50, 100, 250]
    assert study.points["points"].triggers[0].threshold == 10
    assert study.streak is not None
    assert (study.streak.frequency, study.streak.conditions) == ("daily", ())
