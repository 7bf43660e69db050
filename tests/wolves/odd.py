"""Catalogs that differ most from the one that comes with the server, each in one respect."""

from __future__ import annotations

#: Name → the catalog as TOML.
ODD: dict[str, str] = {
    "one metric only": """
name = "One"
[metrics.steps]
name = "Steps"
""",
    "no streak": """
name = "No streak"
userAttributes = ["plan"]
[metrics.steps]
name = "Steps"
[metrics.miles]
name = "Miles"
[achievements.walker]
name = "Walker"
trigger = "metric"
metricKey = "steps"
metricValue = 10
[achievements.hello]
name = "Hello"
trigger = "api"
[points.xp]
name = "XP"
[[points.xp.triggers]]
type = "metric"
metricKey = "steps"
metricThreshold = 10
points = 3
[leaderboards.all]
name = "All"
rankBy = "metric"
metricKey = "steps"
start = "-10d"
[leaderboards.xp]
name = "XP"
rankBy = "points"
pointsSystemKey = "xp"
start = "-10d"
""",
    "no points": """
name = "No points"
[metrics.steps]
name = "Steps"
[streak]
[achievements.walker]
name = "Walker"
trigger = "metric"
metricKey = "steps"
metricValue = 10
[achievements.three]
name = "Three"
trigger = "streak"
streakLength = 3
[leaderboards.all]
name = "All"
rankBy = "metric"
metricKey = "steps"
start = "-10d"
[leaderboards.streak]
name = "S"
rankBy = "streak"
start = "-10d"
""",
    "no leaderboards": """
name = "No boards"
[metrics.steps]
name = "Steps"
[streak]
[points.xp]
name = "XP"
[[points.xp.triggers]]
type = "metric"
metricKey = "steps"
metricThreshold = 1
points = 1
[points.xp.levels.one]
name = "One"
points = 5
""",
    "leaderboards for three": """
name = "Small boards"
userAttributes = ["team"]
[metrics.steps]
name = "Steps"
[streak]
[points.xp]
name = "XP"
[[points.xp.triggers]]
type = "metric"
metricKey = "steps"
metricThreshold = 1
points = 2
[leaderboards.all]
name = "All"
rankBy = "metric"
metricKey = "steps"
start = "-10d"
maxParticipants = 3
[leaderboards.weekly]
name = "Weekly"
rankBy = "metric"
metricKey = "steps"
start = "-10d"
runUnit = "day"
runInterval = 7
maxParticipants = 3
[leaderboards.teams]
name = "Teams"
rankBy = "metric"
metricKey = "steps"
start = "-10d"
breakdownAttributes = ["team"]
maxParticipants = 3
[leaderboards.xp]
name = "XP"
rankBy = "points"
pointsSystemKey = "xp"
start = "-10d"
maxParticipants = 1
[leaderboards.streak]
name = "S"
rankBy = "streak"
start = "-10d"
maxParticipants = 2
""",
    "thresholds of 9e11": """
name = "Huge"
[metrics.cents]
name = "Cents"
[streak]
[achievements.rich]
name = "Rich"
trigger = "metric"
metricKey = "cents"
metricValue = 9e11
[achievements.richer]
name = "Richer"
trigger = "metric"
metricKey = "cents"
metricValue = 900_000_000_001
[points.coins]
name = "Coins"
[[points.coins.triggers]]
type = "metric"
metricKey = "cents"
metricThreshold = 900_000_000_000
points = 1_000_000
[[points.coins.triggers]]
type = "streak"
streakLengthThreshold = 400
points = 7
[points.coins.levels.low]
name = "Low"
points = 0
[points.coins.levels.high]
name = "High"
points = 500_000
[leaderboards.all]
name = "All"
rankBy = "metric"
metricKey = "cents"
start = "-10d"
[leaderboards.coins]
name = "Coins"
rankBy = "points"
pointsSystemKey = "coins"
start = "-10d"
""",
    "5,000 a week": """
name = "Weekly one condition"
[metrics.steps]
name = "Steps"
[streak]
frequency = "weekly"
[streak.conditions]
steps = 5000
[achievements.two]
name = "Two"
trigger = "streak"
streakLength = 2
[leaderboards.streak]
name = "S"
rankBy = "streak"
start = "-10d"
[settings]
weekStart = "wednesday"
""",
    "5,000 a week and something else": """
name = "Weekly"
[metrics.steps]
name = "Steps"
[metrics.miles]
name = "Miles"
[streak]
frequency = "weekly"
evaluation = "all"
[streak.conditions]
steps = 5000
miles = 2.5
[streak.freezes]
initial = 1
maximum = 2
[achievements.two]
name = "Two"
trigger = "streak"
streakLength = 2
[points.xp]
name = "XP"
[[points.xp.triggers]]
type = "streak"
streakLengthThreshold = 2
points = 3
[leaderboards.streak]
name = "S"
rankBy = "streak"
start = "-10d"
""",
    "monthly streak": """
name = "Monthly"
[metrics.steps]
name = "Steps"
[metrics.miles]
name = "Miles"
[streak]
frequency = "monthly"
[streak.freezes]
initial = 0
maximum = 1
autoEarnInterval = 30
[achievements.two]
name = "Two"
trigger = "streak"
streakLength = 2
[points.xp]
name = "XP"
[[points.xp.triggers]]
type = "streak"
streakLengthThreshold = 2
points = 3
[leaderboards.streak]
name = "S"
rankBy = "streak"
start = "-10d"
[leaderboards.steps]
name = "Steps"
rankBy = "metric"
metricKey = "steps"
start = "-10d"
runUnit = "month"
runInterval = 1
""",
    "decimals": """
name = "Decimals"
[metrics.kilometres]
name = "Kilometres"
units = "km"
[streak]
[streak.conditions]
kilometres = 0.25
[achievements.a]
name = "A"
trigger = "metric"
metricKey = "kilometres"
metricValue = 0.25
[achievements.b]
name = "B"
trigger = "metric"
metricKey = "kilometres"
metricValue = 0.000001
[points.xp]
name = "XP"
maxPoints = 7
[[points.xp.triggers]]
type = "metric"
metricKey = "kilometres"
metricThreshold = 1
points = 3
[[points.xp.boosts]]
name = "Odd"
start = "-2d"
end = "+3d"
multiplier = 0.333333
rounding = "nearest"
[leaderboards.all]
name = "All"
rankBy = "metric"
metricKey = "kilometres"
start = "-10d"
""",
    "names in any script": """
name = "Ünïcødé"
userAttributes = ["plan", "département", "国家"]
eventAttributes = ["источник"]
[metrics."слова"]
name = "Слова"
units = "слов"
[metrics."ציון"]
name = "נקודות"
[metrics."a b/c?d#e%f"]
name = "Reserved"
[streak]
[achievements."成就"]
name = "成就 🏆"
trigger = "metric"
metricKey = "слова"
metricValue = 10
[achievements."مرحبا"]
name = "مرحبا"
trigger = "api"
[achievements."a,b:c"]
name = "for département"
trigger = "api"
userAttributes = { "département" = "R&D, Ö:1" }
[achievements.mobile]
name = "m"
trigger = "metric"
metricKey = "слова"
metricValue = 3
eventAttributes = { "источник" = "телефон" }
[points."点数"]
name = "点数"
[[points."点数".triggers]]
type = "metric"
metricKey = "слова"
metricThreshold = 2
points = 5
[points."点数".levels."é"]
name = "É"
points = 10
[leaderboards."таблица"]
name = "Таблица"
rankBy = "metric"
metricKey = "слова"
start = "-10d"
[leaderboards."国家"]
name = "国家"
rankBy = "metric"
metricKey = "слова"
start = "-10d"
breakdownAttributes = ["国家"]
""",
    "tenants": """
name = "Tenants"
userAttributes = ["plan"]
[metrics.steps]
name = "Steps"
[streak]
[achievements.walker]
name = "Walker"
trigger = "metric"
metricKey = "steps"
metricValue = 10
[achievements.hello]
name = "Hello"
trigger = "api"
[points.xp]
name = "XP"
[[points.xp.triggers]]
type = "metric"
metricKey = "steps"
metricThreshold = 10
points = 3
[leaderboards.all]
name = "All"
rankBy = "metric"
metricKey = "steps"
start = "-10d"
[settings]
multiTenant = true
tenants = ["acme", "globex"]
""",
    "points that are taken away": """
name = "Spend"
[metrics.actions]
name = "Actions"
[metrics.rest]
name = "Rest"
[streak]
daysOff = [0, 3, 6]
customizable = true
[streak.freezes]
initial = 5
maximum = 5
[points.energy]
name = "Energy"
maxPoints = 3
[[points.energy.triggers]]
type = "user_creation"
points = 2
[[points.energy.triggers]]
type = "metric"
metricKey = "actions"
metricThreshold = 1
points = -1
[[points.energy.triggers]]
type = "time"
timeUnit = "hour"
timeInterval = 1
points = 1
[[points.energy.triggers]]
type = "metric"
metricKey = "rest"
metricThreshold = 3
points = 100
[leaderboards.energy]
name = "Energy"
rankBy = "points"
pointsSystemKey = "energy"
start = "-10d"
runUnit = "day"
runInterval = 1
[leaderboards.future]
name = "Future"
rankBy = "metric"
metricKey = "rest"
start = "+3d"
end = "+5d"
""",
    "leaderboards at their end": """
name="Tiny"
[metrics.a]
name = "A"
[metrics.b]
name = "B"
[streak]
evaluation = "all"
[streak.conditions]
a = 3
b = 1000000
[leaderboards.b]
name = "B"
rankBy = "metric"
metricKey = "b"
start = "-1d"
end = "today"
[leaderboards.years]
name = "Y"
rankBy = "metric"
metricKey = "a"
start = "-400d"
runUnit = "year"
runInterval = 1
""",
    "everything inactive": """
name = "Inactive"
[metrics.steps]
name = "Steps"
status = "inactive"
[achievements.hello]
name = "Hello"
trigger = "api"
status = "locked"
[achievements.gone]
name = "Gone"
trigger = "api"
status = "inactive"
[leaderboards.over]
name = "Over"
rankBy = "metric"
metricKey = "steps"
start = "-30d"
end = "-20d"
""",
    "nothing at all": """
name = "Nothing"
""",
}
