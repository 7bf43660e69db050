// What is alive on the page: the clock ticks, facts arrive, why? opens in a dialog. All else works without it.
const body = document.body;
const $ = (selector, within = document) => within.querySelector(selector);
const all = (selector, within = document) => [...within.querySelectorAll(selector)];

// The world's clock, never the browser's: the server's time, and how much has passed since.
const zone = body.dataset.zone;
let shown = Date.parse(body.dataset.now);
let since = performance.now();
let frozen = body.dataset.frozen === "yes";
const format = (options) => new Intl.DateTimeFormat("en-GB", { timeZone: zone, hourCycle: "h23", ...options });
const clockFormat = format({ hour: "2-digit", minute: "2-digit", second: "2-digit" });
const dayFormat = format({ weekday: "short", day: "numeric", month: "short", year: "numeric" });

function worldTime() {
  return frozen ? shown : shown + performance.now() - since;
}

function tick() {
  const time = $("#now");
  if (!time) return;
  const now = new Date(worldTime());
  time.textContent = clockFormat.format(now);
  $("#today").textContent = dayFormat.format(now).replaceAll(",", "");
}

function setClock(clock) {
  shown = Date.parse(clock.now);
  since = performance.now();
  frozen = clock.frozen;
  const state = $("#running");
  if (state) {
    state.textContent = frozen ? "frozen" : "running";
    state.className = `status ${frozen ? "cold" : "good"}`;
  }
  tick();
}

// Facts as they happen.
const MOST = 200;
const kinds = JSON.parse($("#kinds")?.textContent ?? "{}");

function withQuery(address, query) {
  const url = new URL(address, location.href);
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
  return url.pathname + url.search;
}

function factRow(fact) {
  const row = $("#fact-row").content.cloneNode(true).firstElementChild;
  const [name, tone] = kinds[fact.kind] ?? [fact.kind, "quiet"];
  const base = body.dataset.stream.replace("/stream", "");
  row.dataset.number = fact.number;
  const time = $("time", row);
  time.dateTime = fact.time;
  time.textContent = clockFormat.format(new Date(fact.time));
  const kind = $(".kind", row);
  kind.textContent = name;
  kind.classList.add(`tone-${tone}`);
  row.classList.add(`tone-of-${tone}`);
  $(".says", row).textContent = fact.says;
  const who = $(".who", row);
  const [path, query = ""] = base.split("?");
  if (fact.userId) who.href = withQuery(`${path}/user?${query}`, { id: fact.userId });
  else who.remove();
  $(".why", row).href = withQuery(`${path}/why?${query}`, { fact: fact.number });
  return row;
}

function listen(feed) {
  const live = $("#live");
  const says = $("#live-says");
  const source = new EventSource(withQuery(body.dataset.stream, { after: feed.dataset.after }));
  let waiting = [];
  const flush = () => {
    const rows = waiting.map(factRow).reverse();
    waiting = [];
    $("#feed-empty")?.remove();
    feed.prepend(...rows);
    while (feed.children.length > MOST) feed.lastElementChild.remove();
  };
  source.addEventListener("start", (event) => {
    live.hidden = false;
    live.classList.remove("off");
    says.textContent = "live";
    setClock(JSON.parse(event.data));
  });
  source.addEventListener("fact", (event) => {
    if (!waiting.length) requestAnimationFrame(flush);
    waiting.push(JSON.parse(event.data));
  });
  source.addEventListener("gap", (event) => {
    const { from, to } = JSON.parse(event.data);
    says.textContent = `live, ${(to - from + 1).toLocaleString("en")} facts left out`;
  });
  source.addEventListener("clock", (event) => setClock(JSON.parse(event.data)));
  source.addEventListener("reset", () => location.reload());
  source.addEventListener("error", () => {
    live.classList.add("off");
    says.textContent = "not connected, trying again";
  });
  addEventListener("pagehide", () => source.close());
}

// why? in a dialog; without it the link leads to a page of its own.
async function openWhy(link) {
  const dialog = $("#why");
  const response = await fetch(withQuery(link.href, { bare: "1" }));
  if (!response.ok) {
    location.href = link.href;
    return;
  }
  const parsed = new DOMParser().parseFromString(await response.text(), "text/html");
  $(".inside", dialog).replaceChildren(...parsed.body.childNodes);
  dialog.showModal();
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-why]");
  if (link && !event.ctrlKey && !event.metaKey && !event.shiftKey && $("#why")) {
    event.preventDefault();
    openWhy(link);
  }
  const copy = event.target.closest("[data-copy]");
  if (copy) {
    navigator.clipboard.writeText($("pre", copy.parentElement).textContent);
    copy.textContent = "Copied";
    setTimeout(() => (copy.textContent = "Copy"), 1500);
  }
  const line = event.target.closest("a[data-line]");
  if (line) {
    event.preventDefault();
    goToLine(Number(line.dataset.line));
  }
  for (const menu of all("details.menu[open]")) if (!menu.contains(event.target)) menu.open = false;
  if (event.target === $("#why")) event.target.close();
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of all("details.menu[open]")) {
    menu.open = false;
    $("summary", menu).focus();
  }
});
document.addEventListener("submit", (event) => {
  const question = event.submitter?.dataset.confirm ?? event.target.dataset.confirm;
  if (question && !confirm(question)) event.preventDefault();
});

// The catalog's lines.
function goToLine(number) {
  const text = $("#text");
  const lines = text.value.split("\n");
  const start = lines.slice(0, number - 1).reduce((sum, one) => sum + one.length + 1, 0);
  text.focus();
  text.setSelectionRange(start, start + (lines[number - 1] ?? "").length);
  text.scrollTop = (text.scrollHeight / lines.length) * Math.max(0, number - 6);
}

function numberLines(gutter, text) {
  const wrong = new Set(gutter.dataset.wrong.trim().split(/\s+/).map(Number));
  const draw = () => {
    const count = text.value.split("\n").length;
    if (gutter.childElementCount === count) return;
    gutter.replaceChildren(
      ...Array.from({ length: count }, (_, at) => {
        const row = document.createElement(wrong.has(at + 1) ? "b" : "span");
        row.textContent = `${wrong.has(at + 1) ? "→" : ""}${at + 1}\n`;
        return row;
      }),
    );
  };
  text.addEventListener("input", draw);
  text.addEventListener("scroll", () => (gutter.scrollTop = text.scrollTop));
  draw();
}

for (const button of all("[data-copy]")) button.hidden = !navigator.clipboard;
for (const slider of all(".slider")) {
  const unit = $("[data-unit]", slider).textContent;
  $("input", slider).addEventListener("input", (event) => {
    $("output", slider).textContent = `${event.target.value} ${unit}`;
    const box = $("legend input", slider.closest("fieldset"));
    if (box) box.checked = true;
  });
}
for (const calendar of all(".calendar")) calendar.parentElement.scrollLeft = calendar.parentElement.scrollWidth;
if ($(".gutter")) numberLines($(".gutter"), $("#text"));
$("nav [aria-current]")?.scrollIntoView({ inline: "center", block: "nearest" });
if ($("#feed")) listen($("#feed"));

// Lists that change while one looks: read again when something happens, and once more for what comes of it.
function keepFresh() {
  const source = new EventSource(body.dataset.stream);
  let soon = 0;
  let later = 0;
  const refresh = async () => {
    soon = 0;
    const response = await fetch(location.href);
    if (!response.ok) return;
    const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
    for (const part of all("[data-fresh]")) {
      const next = fresh.getElementById(part.id);
      if (next && next.innerHTML !== part.innerHTML && !part.contains(document.activeElement)) part.replaceChildren(...next.childNodes);
    }
  };
  const happened = () => {
    soon ||= setTimeout(refresh, 300);
    clearTimeout(later);
    later = setTimeout(refresh, 2000);
  };
  source.addEventListener("start", (event) => setClock(JSON.parse(event.data)));
  source.addEventListener("clock", (event) => setClock(JSON.parse(event.data)));
  source.addEventListener("fact", happened);
  source.addEventListener("gap", happened);
  source.addEventListener("reset", () => location.reload());
  addEventListener("pagehide", () => source.close());
  later = setTimeout(refresh, 1000);
}
if ($("[data-fresh]")) keepFresh();
if ($("#now")) {
  tick();
  setInterval(tick, 500);
}
