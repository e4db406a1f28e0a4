// The part above the tabs: the sentence, the sources, the throughput, the lanes.

import { badge, byId, el, printable, svg, table } from "./dom.js";
import { ago, bytes, clock, count, rate, span } from "./format.js";

export function showStatus(status) {
  const summary = byId("summary");
  // A screen reader says it again only when it changes.
  if (summary.textContent !== status.summary.text) summary.textContent = status.summary.text;
  summary.dataset.health = status.summary.health;
  document.title = `${status.summary.health === "ok" ? "" : "● "}cadrelay`;
  byId("facts").textContent =
    `${status.version} · instance ${status.instance} · up ${span(status.uptimeSeconds)} · ${status.delivery} · spool ${bytes(status.spool.bytes)} of ${bytes(status.spool.maxBytes)}`;
  showLanes(status);
}

export function showLost() {
  const summary = byId("summary");
  summary.textContent = "The relay does not answer this page. What is shown below may be old.";
  summary.dataset.health = "trouble";
}

function showLanes({ lanes, kafka }) {
  const busy = lanes.filter((lane) => lane.pending > 0 || lane.state !== "ok" || lane.published > 0);
  const rows = busy
    .sort((one, other) => other.pending - one.pending || other.published - one.published)
    .map((lane) =>
      el(
        "tr",
        {},
        el("td", { className: "mono" }, breakable(lane.topic)),
        el("td", { className: "right number" }, count(lane.pending)),
        el("td", { className: "time" }, lane.oldest ? ago(lane.oldest) : ""),
        el("td", { className: "right number wide" }, count(lane.published)),
        el("td", {}, laneState(lane, kafka)),
      ),
    );
  const columns = [{ name: "Topic" }, { name: "Waiting", class: "right" }, { name: "Oldest" }, { name: "Published", class: "right wide" }, { name: "State" }];
  byId("lanes").replaceChildren(
    rows.length > 0 ? table(columns, rows, "Lanes") : el("p", { className: "empty" }, "Nothing has passed since this start."),
  );
}

/** A topic that a narrow screen breaks after a dot. */
const breakable = (topic) => topic.split(/(?<=\.)/u).flatMap((part) => [part, el("wbr")]);

function laneState(lane, kafka) {
  if (lane.state !== "ok") return badge(`set aside: ${(lane.reason ?? "trouble").replaceAll("_", " ")}`, `s-${lane.state}`);
  return lane.pending > 0 && !kafka.delivering ? badge("waits", "s-waiting") : badge("flows", "s-ok");
}

export function showSources(sources, rates) {
  const choice = document.querySelector("select[name=source]");
  for (const { name } of sources) {
    if (![...choice.options].some((option) => option.value === name)) choice.append(el("option", { value: name }, name));
  }
  byId("sources").replaceChildren(...sources.map((source) => card(source, rates[source.name] ?? 0)));
}

function card(source, perSecond) {
  const { outcomes } = source;
  const told = ["duplicate", "quarantined", "unproven", "malformed", "too_large", "unavailable"].filter((outcome) => outcomes[outcome] > 0);
  return el(
    "article",
    { className: "card" },
    el("h3", {}, source.name, " ", el("small", { className: "quiet" }, `${source.provider} · ${source.proof.join(" and ") || "no proof"}`)),
    el("p", {}, el("span", { className: "big number" }, rate(perSecond)), el("span", { className: "quiet" }, " a second")),
    el("p", { className: "quiet" }, source.lastNotificationAt ? `last notification ${ago(source.lastNotificationAt)}` : "no notification yet"),
    el(
      "p",
      {},
      badge(`${count(outcomes.accepted)} accepted`, "o-accepted"),
      told.flatMap((outcome) => [" ", badge(`${count(outcomes[outcome])} ${outcome.replace("_", " ")}`, `o-${outcome}`)]),
    ),
  );
}

const LINES = [
  ["received", "received"],
  ["published", "published to Kafka"],
  ["duplicates", "duplicates"],
  ["refused", "not answered 200"],
];

export function showThroughput(series) {
  // One unit is one pixel, so that a narrow screen does not shrink the letters.
  const width = Math.max(280, byId("throughput").clientWidth);
  const height = width < 500 ? 150 : 190;
  // Most of the time nothing is refused, and a line at zero would only hide another.
  const shown = LINES.filter(([name]) => name !== "refused" || series.refused.some((value) => value > 0));
  const [left, right, top, bottom] = [44, 8, 10, 22];
  const rates = Object.fromEntries(shown.map(([name]) => [name, series[name].map((value) => value / series.seconds)]));
  const most = niceCeiling(Math.max(1, ...shown.flatMap(([name]) => rates[name])));
  const steps = Math.max(2, rates.received.length) - 1;
  const x = (at) => left + ((width - left - right) * at) / steps;
  const y = (value) => height - bottom - ((height - top - bottom) * value) / most;
  const grid = [0, 0.5, 1].flatMap((part) => [
    svg("line", { class: "grid", x1: left, x2: width - right, y1: y(most * part), y2: y(most * part) }),
    svg("text", { x: left - 6, y: y(most * part) + 4, "text-anchor": "end" }, rate(most * part)),
  ]);
  const end = new Date(series.end).getTime();
  const times = [0, 0.5, 1].map((part) =>
    svg(
      "text",
      { x: x(steps * part), y: height - 6, "text-anchor": ["start", "middle", "end"][part * 2] },
      clock(end - (1 - part) * steps * series.seconds * 1000),
    ),
  );
  const lines = shown.map(([name]) => svg("polyline", { class: name, points: rates[name].map((value, at) => `${x(at).toFixed(1)},${y(value).toFixed(1)}`).join(" ") }));
  const last = (name) => rate(rates[name].at(-1) ?? 0);
  const words = shown.map(([name, title]) => `${title} ${last(name)} a second`).join(", ");
  byId("throughput").replaceChildren(
    svg("svg", { class: "chart", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `Now: ${words}; the most in 15 minutes is under ${rate(most)}.` }, ...grid, ...times, ...lines),
    el("p", { className: "key" }, shown.map(([name, title]) => el("span", { className: `k-${name}` }, `${title} ${last(name)}/s`))),
  );
}

function niceCeiling(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((step) => step * power).find((step) => step >= value);
}

export function showConnection(state) {
  const place = byId("connection");
  const words = {
    reconnecting: "The live list is reconnecting…",
    polling: "The live stream does not come through; the list asks every two seconds.",
    lost: "The relay does not answer. The list is not live.",
  };
  place.hidden = state === "live";
  place.textContent = printable(words[state] ?? "");
}
