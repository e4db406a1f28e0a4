// The console: asks the relay how it is every two seconds, and shows its decisions live.

import { get } from "./api.js";
import { byId } from "./dom.js";
import { move, openSelected, settle, startEvents, togglePause } from "./events.js";
import { rememberStatus } from "./life.js";
import { showLost, showSources, showStatus, showThroughput } from "./overview.js";
import { showQuarantine, showSubscriptions } from "./lists.js";

const EVERY = 2000;
const tabs = { events: () => {}, quarantine: showQuarantine, subscriptions: showSubscriptions };
let before = null;

async function refresh() {
  try {
    const [status, { sources }, throughput] = await Promise.all([get("/api/status"), get("/api/sources"), get("/api/throughput")]);
    rememberStatus(status);
    showStatus(status);
    showSources(sources, rates(sources));
    showThroughput(throughput);
    await settle();
  } catch {
    showLost();
  }
  // A page that nobody looks at asks less often.
  setTimeout(refresh, document.hidden ? 10 * EVERY : EVERY);
}

/** Notifications a second by source, from this look and the one before. */
function rates(sources) {
  const now = performance.now();
  const totals = Object.fromEntries(sources.map(({ name, outcomes }) => [name, Object.values(outcomes).reduce((sum, one) => sum + one, 0)]));
  const was = before;
  before = { now, totals };
  if (!was) return {};
  const seconds = (now - was.now) / 1000;
  return Object.fromEntries(Object.entries(totals).map(([name, total]) => [name, Math.max(0, total - (was.totals[name] ?? total)) / seconds]));
}

function show(name) {
  for (const tab of Object.keys(tabs)) {
    const button = byId(`tab-${tab}`);
    button.setAttribute("aria-selected", String(tab === name));
    button.tabIndex = tab === name ? 0 : -1;
    byId(tab).hidden = tab !== name;
  }
  tabs[name]();
}

for (const name of Object.keys(tabs)) {
  const button = byId(`tab-${name}`);
  button.addEventListener("click", () => show(name));
  button.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const names = Object.keys(tabs);
    const next = names[(names.indexOf(name) + step + names.length) % names.length];
    show(next);
    byId(`tab-${next}`).focus();
  });
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || byId("life").open) return;
  if (event.target.matches("input, select, textarea")) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  const keys = { "/": () => document.querySelector("input[name=q]").focus(), j: () => move(1), k: () => move(-1), p: togglePause };
  if (event.key === "Enter" && event.target.matches("tr")) return openSelected();
  const act = keys[event.key];
  if (!act) return;
  event.preventDefault();
  if (event.key !== "p") show("events");
  act();
});

// A click beside the dialog closes it.
byId("life").addEventListener("click", (event) => {
  if (event.target === event.currentTarget) event.currentTarget.close();
});

startEvents();
refresh();
