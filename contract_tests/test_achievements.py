"""Achievements: each is completed once, as its trigger specifies, and never taken back."""

from __future__ import annotations

from typing import Any

import pytest

from contract_tests.boards import pairs_of
from contract_tests.kit import MOST
from contract_tests.rules import behaviour, rule
from contract_tests.stage import MAX_PERIODS, Stage

pytestmark = pytest.mark.operations("achievements_", "users_achievements", "metrics_event")


def ids(rows: list[dict[str, Any]]) -> list[str]:
    return [row["id"] for row in rows]


def reachable(stage: Stage, row: dict[str, Any], times: float = 2) -> dict[str, Any]:
    """A metric achievement without filters. Skips if its value is larger than an event may be."""
    if row["metricValue"] * times > MOST:
        pytest.skip(f"{row['name']} needs {row['metricValue']}, more than a scenario may send")
    return row


def metric_of(stage: Stage, row: dict[str, Any]) -> str:
    return str(stage.kit.need(stage.kit.metric_keys.get(row["metricId"]), "metric of that achievement"))


#: Days that each length of a streak may take, because a week can have days off.
LEISURE = 7


def complete(stage: Stage, user: str, key: str) -> dict[str, Any]:
    found: dict[str, Any] = stage.get("achievements_complete", key=key, body={"user": {"id": user}})
    return found


@rule("An event that reaches a metric achievement's value completes it, once", behaviour(6))
def test_a_metric_achievement_is_completed_once(stage: Stage) -> None:
    row = reachable(stage, stage.kit.plain("metric"), 1)
    metric, ann = metric_of(stage, row), stage.user("ann")
    short = stage.event(ann, row["metricValue"] - 0.5, metric)
    assert row["id"] not in ids(short["achievements"]), "completed before its value was reached"
    assert row["id"] not in ids(stage.completed(ann))
    reached = stage.event(ann, 0.5, metric)
    assert ids(reached["achievements"]).count(row["id"]) == 1, "the event that reached it does not say so"
    beyond = stage.event(ann, 1, metric)
    assert row["id"] not in ids(beyond["achievements"]), "completed a second time"
    assert ids(stage.completed(ann)).count(row["id"]) == 1


@rule("Completed achievements are never taken back", behaviour(6))
def test_an_achievement_is_never_taken_back(stage: Stage) -> None:
    row = reachable(stage, stage.kit.plain("metric"))
    metric, ann = metric_of(stage, row), stage.user("ann")
    stage.event(ann, row["metricValue"], metric)
    before = {a["id"]: a["achievedAt"] for a in stage.completed(ann)}
    stage.event(ann, -row["metricValue"], metric)
    again = stage.event(ann, row["metricValue"], metric)
    assert row["id"] not in ids(again["achievements"]), "going down and up completed it again"
    after = {a["id"]: a["achievedAt"] for a in stage.completed(ann)}
    assert {one: after.get(one) for one in before} == before


@rule("One event completes every achievement that it reaches", behaviour(6))
def test_one_event_completes_all_that_it_reaches(stage: Stage) -> None:
    first = stage.kit.plain("metric")
    metric, ann = metric_of(stage, first), stage.user("ann")
    reached = {
        a["id"]
        for a in stage.kit.achievements
        if a["trigger"] == "metric"
        and a["metricId"] == first["metricId"]
        and not a["userAttributes"]
        and not a.get("eventAttributes")
        and a["metricValue"] <= 100_000
    }
    response = stage.event(ann, 100_000, metric)
    assert reached <= set(ids(response["achievements"])), "an achievement that was reached is missing"
    assert len(set(ids(response["achievements"]))) == len(response["achievements"]), "one is listed twice"
    assert set(ids(response["achievements"])) == set(ids(stage.completed(ann))), "the list of completed ones differs"


@rule(
    "users_achievements lists completed achievements, and all of them with includeIncomplete",
    "users_achievements, parameter includeIncomplete",
)
def test_incomplete_ones_are_listed_on_demand(stage: Stage) -> None:
    ann = stage.user("ann")
    assert stage.completed(ann) == []
    every = stage.get("users_achievements", id=ann, includeIncomplete="true")
    assert set(ids(stage.kit.achievements)) <= set(ids(every)), "an active achievement is missing"
    assert all(row["achievedAt"] is None for row in every)
    key = stage.kit.plain("api")["key"]
    done = complete(stage, ann, key)["achievement"]
    assert done["id"] in ids(stage.completed(ann))
    assert all(row["achievedAt"] for row in stage.completed(ann)), "an incomplete one is listed as completed"
    every = {row["id"]: row for row in stage.get("users_achievements", id=ann, includeIncomplete="true")}
    assert every[done["id"]]["achievedAt"] == done["achievedAt"]


@rule("A call completes an api achievement, and a second call changes nothing", behaviour(6))
def test_a_second_completion_is_the_first(stage: Stage) -> None:
    row = stage.kit.plain("api")
    ann = stage.user("ann")
    first = complete(stage, ann, row["key"])
    assert first["achievement"]["key"] == row["key"]
    assert first["achievement"]["achievedAt"]
    points = {key: stage.points(ann, key)["total"] for key in stage.kit.points}
    second = complete(stage, ann, row["key"])
    if stage.control is not None:  # elsewhere it may be returned in another way
        assert second["completionId"] == first["completionId"], "a second completion has an id of its own"
        assert second["achievement"]["achievedAt"] == first["achievement"]["achievedAt"]
        assert second["points"] == {}, "a second completion pays points"
    assert {key: stage.points(ann, key)["total"] for key in stage.kit.points} == points
    assert ids(stage.completed(ann)).count(row["id"]) == 1


@rule("Events do not complete api achievements", behaviour(6))
def test_events_do_not_complete_api_achievements(stage: Stage) -> None:
    row = stage.kit.plain("api")
    ann = stage.user("ann")
    stage.event(ann, stage.kit.large, stage.kit.streaking())
    assert row["id"] not in ids(stage.completed(ann))


@rule("Only api achievements that exist can be completed", "#/paths/~1achievements~1{key}~1complete/post/responses/404")
def test_an_unknown_achievement_cannot_be_completed(stage: Stage) -> None:
    ann = stage.user("ann")
    response = stage.refused("achievements_complete", key="no-such-achievement", body={"user": {"id": ann}})
    assert response.status == 404, f"returned {response.status}, expected 404, which the spec declares"
    newcomer = stage.name("newcomer")
    stage.refused("achievements_complete", key="no-such-achievement", body={"user": {"id": newcomer}})
    stage.refused("users_get", id=newcomer)


@rule("An achievement with prerequisites is completed when all prerequisites are", behaviour(6))
def test_prerequisites_unlock_a_composite(stage: Stage) -> None:
    """Completes prerequisites one after the other; the last one completes the composite."""
    every = {row["id"]: row for row in stage.kit.achievements}
    composite = reachable_composite(stage, every)
    ann, had = stage.user("ann"), False
    for number, prerequisite in enumerate(composite["achievementIds"], 1):
        actual = achieve(stage, ann, every[prerequisite])
        completed = ids(stage.completed(ann))
        missing = set(composite["achievementIds"]) - set(completed)  # one event may bring several
        done = composite["id"] in completed
        assert done == (not missing), f"after {number} prerequisites {len(missing)} are missing: {done}"
        if done and not had and actual is not None:
            assert composite["id"] in ids(actual), "the event that completed it does not say so"
        had = done


def reachable_composite(stage: Stage, every: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """A composite whose prerequisites this scenario can complete."""

    def easy(row: dict[str, Any]) -> bool:
        if row["userAttributes"] or row.get("eventAttributes"):
            return False
        if row["trigger"] == "streak":
            return (
                stage.control is not None and row["streakLength"] <= MAX_PERIODS and stage.kit.streak_metric is not None
            )
        reached = row["trigger"] == "metric" and row["metricValue"] <= MOST
        return row["trigger"] == "api" or (reached and row["metricId"] in stage.kit.metric_keys)

    found = [
        row
        for row in every.values()
        if row["trigger"] == "achievement"
        and not row["userAttributes"]
        and all(one in every and easy(every[one]) for one in row["achievementIds"])
    ]
    composite: dict[str, Any] = stage.kit.need(found, "achievement with prerequisites that the suite can complete")[0]
    # Streaks last: they need days, the others take no time.
    return composite | {
        "achievementIds": sorted(composite["achievementIds"], key=lambda i: every[i]["trigger"] == "streak")
    }


def achieve(stage: Stage, user: str, row: dict[str, Any]) -> list[dict[str, Any]] | None:
    """Complete an achievement. Returns the achievements in the last response."""
    if row["trigger"] == "api":
        complete(stage, user, row["key"])
        return None
    if row["trigger"] == "metric":
        found: list[dict[str, Any]] = stage.event(user, row["metricValue"], metric_of(stage, row))["achievements"]
        return found
    stage.skip_if_longer(row["streakLength"])
    found = []
    for period in range(LEISURE * row["streakLength"]):  # days off extend nothing
        if (length := stage.streak(user)["length"]) >= row["streakLength"]:
            return found
        if period and (length or stage.kit.settings.get("daysOff")):
            stage.next_period()
        found = stage.extend(user)["achievements"]
    raise AssertionError(f"the streak does not reach {row['streakLength']}, it is {stage.streak(user)['length']}")


@rule("A streak achievement is completed when the streak reaches its length", behaviour(6))
def test_a_streak_achievement_is_completed_at_its_length(stage: Stage) -> None:
    rows = [a for a in stage.kit.achievements if a["trigger"] == "streak" and not a["userAttributes"]]
    row = min(stage.kit.need(rows, "streak achievement"), key=lambda a: a["streakLength"])
    if row["streakLength"] > 1 or stage.kit.settings.get("daysOff"):
        assert stage.clock
    ann = stage.user("ann")
    found = achieve(stage, ann, row)
    assert found is not None
    assert row["id"] in ids(found), "the event that reached the length does not say so"
    assert row["id"] in ids(stage.completed(ann))


@rule(
    "`completions` counts users, and `rarity` is their percentage", "#/components/schemas/AchievementWithStatsResponse"
)
def test_completions_and_rarity_count_users(stage: Stage) -> None:
    row = stage.kit.plain("api")

    def read() -> dict[str, Any]:
        found: dict[str, Any] = next(a for a in stage.get("achievements_all") if a["id"] == row["id"])
        return found

    before = read()["completions"]
    ann, ben, cleo = stage.user("ann"), stage.user("ben"), stage.user("cleo")
    complete(stage, ann, row["key"])
    complete(stage, ann, row["key"])
    complete(stage, ben, row["key"])
    after = read()
    assert after["completions"] - before == 2, (
        f"two users completed it, the count rose by {after['completions'] - before}"
    )
    assert 0 <= after["rarity"] <= 100
    if stage.fresh:
        assert after["rarity"] == pytest.approx(66.67, abs=0.01), "two of three users"
    mine = next(a for a in stage.completed(ann) if a["id"] == row["id"])
    assert (mine["completions"], mine["rarity"]) == (after["completions"], after["rarity"])
    assert row["id"] not in ids(stage.completed(cleo))


@rule("An achievement with user attributes is completed only by users who have them", behaviour(6))
def test_user_filters_must_match(stage: Stage) -> None:
    rows = [
        a
        for a in stage.kit.achievements
        if a["trigger"] == "metric" and a["userAttributes"] and not a.get("eventAttributes")
    ]
    found = stage.kit.need(rows, "metric achievement with a user-attribute filter")
    row = reachable(stage, max(found, key=lambda a: len(a["userAttributes"])), 1)
    metric = metric_of(stage, row)
    wanted = {pair["key"]: pair["value"] for pair in row["userAttributes"]}
    fits, other = stage.user("fits", attributes=wanted), stage.user("other")
    wrong = stage.user("wrong", attributes=dict.fromkeys(wanted, "something else"))
    partly = [stage.user("partly", attributes={key: value}) for key, value in wanted.items() if len(wanted) > 1]
    for user in (fits, other, wrong, *partly):
        stage.event(user, row["metricValue"], metric)
    assert row["id"] in ids(stage.completed(fits)), "the filter matches, yet it is not completed"
    assert row["id"] not in ids(stage.completed(other)), "completed without the attribute"
    assert row["id"] not in ids(stage.completed(wrong)), "completed with another value"
    for user in partly:
        assert row["id"] not in ids(stage.completed(user)), "completed when one of several filters matches"


@rule(
    "A call completes an api achievement only for users who have its user attributes",
    "#/paths/~1achievements~1{key}~1complete/post/responses/422",
)
def test_a_completion_needs_its_filter(stage: Stage) -> None:
    rows = [a for a in stage.kit.achievements if a["trigger"] == "api" and a["userAttributes"]]
    row = stage.kit.need(rows, "api achievement with a user-attribute filter")[0]
    ann = stage.user("ann")
    response = stage.refused("achievements_complete", key=row["key"], body={"user": {"id": ann}})
    if stage.control is not None:  # elsewhere it may be as if it were not there
        assert response.status == 422, f"returned {response.status}, expected 422: the achievement exists"
    assert stage.completed(ann) == []
    wanted = {pair["key"]: pair["value"] for pair in row["userAttributes"]}
    stage.get("achievements_complete", key=row["key"], body={"user": {"id": ann, "attributes": wanted}})
    assert row["id"] in ids(stage.completed(ann))


@rule("An achievement with event attributes counts only events that have them", behaviour(6))
def test_event_filters_count_only_matching_events(stage: Stage) -> None:
    rows = [
        a
        for a in stage.kit.achievements
        if a["trigger"] == "metric" and a.get("eventAttributes") and not a["userAttributes"]
    ]
    found = stage.kit.need(rows, "metric achievement with an event-attribute filter")
    row = reachable(stage, max(found, key=lambda a: len(a["eventAttributes"])))
    metric, ann = metric_of(stage, row), stage.user("ann")
    wanted = {pair["key"]: pair["value"] for pair in row["eventAttributes"]}
    stage.event(ann, row["metricValue"] * 2, metric)
    stage.event(ann, row["metricValue"] * 2, metric, attributes=dict.fromkeys(wanted, "something else"))
    for key, value in wanted.items():
        if len(wanted) > 1:
            stage.event(ann, row["metricValue"] * 2, metric, attributes={key: value})
    stage.event(ann, row["metricValue"] - 1, metric, attributes=wanted)
    assert row["id"] not in ids(stage.completed(ann)), "events that do not match were counted"
    response = stage.event(ann, 1, metric, attributes=wanted)
    assert row["id"] in ids(response["achievements"]), "matching events reached its value"


@rule("Achievements can be listed for a user's attributes", "achievements_all, parameter userAttributes")
def test_achievements_are_filtered_by_attributes(stage: Stage) -> None:
    rows = [a for a in stage.kit.achievements if a["userAttributes"]]
    row = stage.kit.need(rows, "achievement with a user-attribute filter")[0]
    wanted = pairs_of({pair["key"]: pair["value"] for pair in row["userAttributes"]})
    wrong = pairs_of({pair["key"]: "something else" for pair in row["userAttributes"]})
    assert row["id"] in ids(stage.get("achievements_all", userAttributes=wanted))
    listed = ids(stage.get("achievements_all", userAttributes=wrong))
    assert row["id"] not in listed, "listed for attributes that do not match"
    plain = [a["id"] for a in stage.kit.achievements if not a["userAttributes"]]
    assert set(plain) <= set(listed), "an achievement without filters is missing"
    assert set(ids(stage.get("achievements_all"))) == set(ids(stage.kit.achievements))


@rule("userAttributes are pairs of a known key and a value", behaviour(2, "choice"))
@pytest.mark.parametrize("text", ["no-colon", ":value", "no-such-key:x"])
def test_attributes_that_are_no_pairs_are_refused(stage: Stage, text: str) -> None:
    stage.refused("achievements_all", userAttributes=text)


@rule("An achievement has the fields of its trigger, and no others", behaviour(6, "spec"))
def test_achievements_have_the_fields_of_their_trigger(stage: Stage) -> None:
    own = {
        "metric": {"metricId", "metricValue", "metricName", "eventAttributes"},
        "streak": {"streakLength"},
        "api": {"key"},
        "achievement": {"achievementIds"},
    }
    for row in stage.kit.need(stage.get("achievements_all"), "achievement"):
        optional = set() if stage.control is not None else {"eventAttributes"}
        missing = own[row["trigger"]] - optional - row.keys()
        assert not missing, f"{row['name']} ({row['trigger']}) lacks {missing}"
        for trigger, names in own.items():
            if trigger != row["trigger"] and stage.control is not None:
                assert not names & row.keys(), f"{row['name']} ({row['trigger']}) has {names & row.keys()}"


@rule("Completed achievements are listed in the order of completion", behaviour(6, "choice"), choice=True)
def test_completed_ones_are_in_order(stage: Stage) -> None:
    ann, key = stage.user("ann"), stage.kit.plain("api")["key"]
    complete(stage, ann, key)
    stage.pass_time(minutes=5)
    stage.event(ann, stage.kit.large, stage.kit.streaking())
    moments = [row["achievedAt"] for row in stage.completed(ann)]
    assert moments == sorted(moments)
    assert stage.completed(ann)[0]["key"] == key
