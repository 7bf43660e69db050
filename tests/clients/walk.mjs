// What walk.py does, for the official client in JavaScript: every method, against a running server.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const given = JSON.parse(readFileSync(process.argv[2], "utf8"));
const { TrophyApiClient, TrophyApiEnvironment } = createRequire(`${process.argv[3]}/`)("@trophyso/node");
const hasOneBase = Object.values(TrophyApiEnvironment).some((one) => typeof one === "string"); // before the client had an admin half
const environment = hasOneBase ? given.api : { api: given.api, admin: given.admin };
const client = new TrophyApiClient({ apiKey: given.key, environment });

const user = { id: "walker", tz: "Asia/Tokyo", attributes: { "plan-type": "premium" } };
const day = (offset) => new Date(Date.now() + offset * 86_400_000).toISOString().slice(0, 10);
const days = { aggregation: "daily", startDate: day(-30), endDate: day(1) };
const plan = {
  "users.create": [[{ id: "walker", email: "w@example.com", deviceTokens: ["a"] }]],
  "users.identify": [["walker", { attributes: { region: "apac" } }]],
  "users.update": [["walker", { name: "W" }]],
  "users.get": [["walker"], ["user-123"]],
  "users.getPreferences": [["walker"]],
  "users.updatePreferences": [["walker", { notifications: { recap: ["email"] } }]],
  "metrics.event": [
    ["words-written", { user, value: 750, idempotencyKey: "k" }],
    ["words-written", { user: { id: "user-123" }, value: 9000.5 }],
  ],
  "achievements.complete": [["finish-onboarding", { user }]],
  "achievements.all": [[]],
  "users.allMetrics": [["walker"], ["user-123"]],
  "users.singleMetric": [["user-123", "words-written"]],
  "users.metricEventSummary": [["user-123", "words-written", days]],
  "users.achievements": [["walker"], ["user-123", { includeIncomplete: "true" }]],
  "users.streak": [["walker"], ["user-123", { historyPeriods: 30 }]],
  "users.points": [["user-123", "xp", { awards: 100 }]],
  "users.pointsBoosts": [["user-123", "xp"]],
  "users.pointsEventSummary": [["user-123", "xp", days]],
  "users.leaderboard": ["all-time", "weekly-words", "streak-board", "xp-board"].map((key) => ["user-123", key]),
  "users.wrapped": [["user-123"]],
  "streaks.list": [[{ userIds: ["walker", "user-123"] }]],
  "streaks.rankings": [[{ limit: 5 }]],
  "leaderboards.all": [[]],
  "leaderboards.get": [["all-time"], ["streak-board"]],
  "points.system": [["xp"]],
  "points.levels": [["xp"]],
  "points.levelSummary": [["xp"]],
  "points.summary": [["xp"]],
  "points.boosts": [["xp"]],
};

const methods = (group) =>
  Object.getOwnPropertyNames(Object.getPrototypeOf(group)).filter(
    (name) => name !== "constructor" && !name.startsWith("_") && typeof group[name] === "function",
  );

async function outcome(call) {
  try {
    await call();
    return "ok";
  } catch (error) {
    const said = error.errors ? JSON.stringify(error.errors) : error.message;
    return error.statusCode ? `refused ${error.statusCode}: ${said}` : `unreadable: ${said}`.slice(0, 300);
  }
}

const found = {};
const there = ["users", "metrics", "achievements", "streaks", "leaderboards", "points"].flatMap((name) =>
  client[name] ? methods(client[name]).map((method) => `${name}.${method}`) : [],
);
const order = Object.keys(plan).filter((name) => there.includes(name));
for (const name of [...order, ...there.filter((one) => !(one in plan))]) {
  const [group, method] = name.split(".");
  found[name] = name in plan ? "ok" : "crashed: no call of it is planned";
  for (const call of plan[name] ?? []) {
    const said = await outcome(() => client[group][method](...call));
    if (found[name] === "ok") found[name] = said;
  }
}
console.log(JSON.stringify({ application: found, webhooks: {}, admin: {} }));
