// The live list of events: filters, search, paging, the keyboard.

import { follow, get } from "./api.js";
import { badge, byId, el, printable, table } from "./dom.js";
import { gapsOf, inWords } from "./gaps.js";
import { openLife } from "./life.js";
import { firstSteps, notFound } from "./empty.js";
import { showConnection } from "./overview.js";
import { clock, exact } from "./format.js";

const OUTCOMES = ["accepted", "duplicate", "quarantined", "unproven", "malformed", "too_large", "unavailable"];
/** What the list holds at most; older ones are a page away. */
const MOST_ROWS = 500;
/** A hand on the mouse aims at a row: for so long the rows stay where they are. */
const AIMING = 4000;
const NARROWING = ["document", "event", "group", "subject", "id"];

const state = { filters: {}, events: [], next: null, turn: 0, stop: null, paused: false, aiming: null, selected: -1, body: null, waiting: [], oldest: null };

export function startEvents() {
  const form = byId("filters");
  const outcomes = form.elements.outcome;
  for (const outcome of OUTCOMES) outcomes.append(el("option", { value: outcome }, outcome.replace("_", " ")));
  readAddress();
  let timer;
  form.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(refilter, 250);
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    refilter();
  });
  form.addEventListener("reset", () => {
    state.filters = {};
    setTimeout(refilter);
  });
  byId("pause").addEventListener("click", togglePause);
  byId("older").addEventListener("click", loadOlder);
  byId("list").addEventListener("pointermove", aim);
  byId("list").addEventListener("pointerleave", goOn);
  load();
}

/** Narrows the list to one document, or whatever else is given, and shows it. */
export function narrow(filters) {
  byId("filters").reset();
  state.filters = filters;
  setTimeout(refilter);
}

function readAddress() {
  const form = byId("filters");
  const given = new URLSearchParams(location.search);
  for (const [name, value] of given) {
    if (NARROWING.includes(name)) state.filters[name] = value;
    const field = form.elements[name];
    if (!field) continue;
    // The sources are known only later; the choice must be there already.
    if (name === "source") field.append(el("option", { value }, value));
    field.value = value;
  }
}

function wanted() {
  const form = byId("filters").elements;
  const filters = { ...state.filters };
  if (form.q.value.trim()) filters.q = form.q.value.trim();
  if (form.outcome.value) filters.outcome = form.outcome.value;
  if (form.source.value) filters.source = form.source.value;
  return filters;
}

function refilter() {
  const address = new URLSearchParams(wanted());
  history.replaceState(null, "", `/console${address.size > 0 ? `?${address}` : ""}`);
  load();
}

async function load() {
  state.stop?.();
  state.stop = null;
  const turn = (state.turn += 1);
  const filters = wanted();
  showNarrowed(filters);
  try {
    const page = await get(`/api/events?${new URLSearchParams({ ...filters, limit: "100" })}`);
    // Somebody has typed on meanwhile. A stream that is opened now would never be closed, and a browser
    // has few connections.
    if (turn !== state.turn) return;
    state.events = page.events;
    state.next = page.next ?? null;
    state.oldest = page.oldest ?? null;
    state.selected = -1;
    state.waiting = [];
    showWaiting();
    render();
    showGaps(filters);
    state.stop = follow(filters, page.newest, receive, showConnection);
  } catch (error) {
    if (turn !== state.turn) return;
    byId("list").replaceChildren(el("p", { className: "empty" }, printable(`The events cannot be shown: ${error.message}`)));
  }
}

async function loadOlder() {
  const page = await get(`/api/events?${new URLSearchParams({ ...wanted(), limit: "100", before: state.next })}`);
  state.events.push(...page.events);
  state.next = page.next ?? null;
  render();
}

function receive(event) {
  if (!state.paused && !state.aiming) return add(event);
  state.waiting.push(event);
  // The list holds no more than these anyway.
  if (state.waiting.length > MOST_ROWS) state.waiting.shift();
  showWaiting();
}

function aim({ pointerType }) {
  // A finger stays on nothing.
  if (pointerType !== "mouse") return;
  clearTimeout(state.aiming);
  state.aiming = setTimeout(goOn, AIMING);
}

/** Adds what waited meanwhile. */
function goOn() {
  clearTimeout(state.aiming);
  state.aiming = null;
  if (state.paused) return;
  state.waiting.splice(0).forEach(add);
  showWaiting();
}

function showWaiting() {
  const button = byId("pause");
  const some = state.waiting.length > 0 ? ` (${state.waiting.length} new)` : "";
  const held = !state.paused && some !== "";
  button.textContent = `${state.paused ? "Go on" : held ? "Held" : "Pause"}${some}`;
  button.toggleAttribute("data-held", held);
  button.title = held ? "New events wait while the mouse moves over the list" : "";
}

function add(event) {
  state.events.unshift(event);
  if (state.events.length > MOST_ROWS) {
    state.events.length = MOST_ROWS;
    state.next = state.events.at(-1).cursor;
    byId("older").hidden = false;
  }
  if (state.selected >= 0) state.selected += 1;
  if (!state.body) return render();
  state.body.prepend(row(event, true));
  while (state.body.rows.length > MOST_ROWS) state.body.lastElementChild.remove();
}

/** Shows where records are by now that were on their way when they were listed. */
export async function settle() {
  const waiting = state.events.slice(0, 100).filter((event) => event.outcome !== "duplicate" && event.id && event.offset === undefined);
  if (waiting.length === 0 || !state.body) return;
  const page = await get(`/api/events?${new URLSearchParams({ ...wanted(), limit: "100" })}`);
  const latest = new Map(page.events.map((event) => [event.cursor, event]));
  state.events.forEach((event, at) => {
    const now = latest.get(event.cursor);
    if (!now?.state || !state.body.rows[at]) return;
    if (now.state === event.state && now.offset === event.offset) return;
    state.events[at] = now;
    state.body.rows[at].lastElementChild.replaceChildren(placeBadge(now));
  });
}

export function togglePause() {
  state.paused = !state.paused;
  const button = byId("pause");
  button.setAttribute("aria-pressed", String(state.paused));
  if (state.paused) showWaiting();
  else goOn();
}

function render() {
  const columns = [
    { name: "Time" },
    { name: "Outcome" },
    { name: "Source", class: "wide" },
    { name: "Event" },
    { name: "About", class: "wide" },
    { name: "Id", class: "wide" },
    { name: "In Kafka", class: "wide" },
  ];
  byId("older").hidden = state.next === null;
  if (state.events.length === 0) {
    state.body = null;
    const place = byId("list");
    if (Object.keys(wanted()).length > 0) notFound(place, { filters: wanted(), oldest: state.oldest, showOutcome, open });
    else firstSteps(place);
    return;
  }
  const list = table(columns, state.events.map((event) => row(event, false)), "Events, newest first");
  state.body = list.tBodies[0];
  byId("list").replaceChildren(list);
}

/** Shows the decisions with one outcome, and nothing else narrowed. */
function showOutcome(outcome) {
  byId("filters").reset();
  state.filters = {};
  // The form is empty only after this.
  setTimeout(() => {
    byId("filters").elements.outcome.value = outcome;
    refilter();
  });
}

function row(event, fresh) {
  const about = printable(event.subject ?? event.reason ?? "");
  const name = printable(event.event ?? (event.id ? "not understood" : ""));
  return el(
    "tr",
    { className: fresh ? "row fresh" : "row", tabIndex: -1, onclick: () => open(event) },
    el("td", { className: "time number", title: exact(event.at) }, clock(event.at)),
    el("td", {}, badge(event.outcome.replace("_", " "), `o-${event.outcome}`)),
    el("td", { className: "wide" }, event.source),
    el("td", { className: "clip", title: name }, opener(event, name || "(no event)"), el("small", {}, about)),
    el("td", { className: "clip mono wide", title: about }, about),
    el("td", { className: "clip mono wide", title: printable(event.id ?? "") }, printable(event.id ?? "")),
    el("td", { className: "wide" }, event.state ? placeBadge(event) : ""),
  );
}

/** A button, so that a keyboard and a screen reader find the way in. */
function opener(event, name) {
  const act = (click) => {
    click.stopPropagation();
    open(event);
  };
  return el("button", { type: "button", className: "plain", onclick: act }, name);
}

/** `3/17` is partition 3, offset 17. */
function placeBadge(event) {
  const hasOffset = event.offset !== undefined;
  const text = event.state === "pending" ? "waiting" : hasOffset ? `${event.partition}/${event.offset}` : event.state;
  const element = badge(text, `s-${event.state}`);
  element.title = hasOffset ? `${event.topic}, partition ${event.partition}, offset ${event.offset}` : printable(event.topic ?? "");
  return element;
}

function open(event) {
  openLife(event, narrow);
}

function showNarrowed(filters) {
  const place = byId("narrowed");
  const named = NARROWING.filter((name) => filters[name]);
  place.hidden = named.length === 0;
  place.replaceChildren(...named.flatMap((name) => [el("strong", {}, `${name} `), el("code", {}, printable(filters[name])), " "]));
}

/** Says above a document's events when some of them may be missing. */
async function showGaps({ document, source }) {
  const place = byId("gaps");
  const sources = source ? [source] : [...new Set(state.events.map((event) => event.source))];
  const gaps = document ? await gapsOf(document, sources) : [];
  if (wanted().document !== document) return;
  place.hidden = gaps.length === 0;
  place.replaceChildren(...gaps.map((gap) => el("li", {}, `Events may be missing: ${inWords(gap)}. ${gap.whatToDo}`)));
}

/** Moves the selection by a row. */
export function move(by) {
  if (!state.body) return;
  const rows = state.body.rows;
  state.selected = Math.min(Math.max(state.selected + by, 0), rows.length - 1);
  for (const one of rows) one.removeAttribute("aria-selected");
  const row = rows[state.selected];
  row.setAttribute("aria-selected", "true");
  row.focus({ preventScroll: true });
  row.scrollIntoView({ block: "nearest" });
}

/** Opens the selected row. */
export function openSelected() {
  const event = state.events[state.selected];
  if (event) open(event);
}
