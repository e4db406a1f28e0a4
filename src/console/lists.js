// The two other tabs: quarantine and subscriptions.

import { get, post } from "./api.js";
import { badge, byId, el, printable, table, toast } from "./dom.js";
import { narrow } from "./events.js";
import { ago, bytes, exact } from "./format.js";
import { openLife } from "./life.js";

export async function showQuarantine() {
  const place = byId("quarantine");
  if (place.childElementCount === 0) place.replaceChildren(el("p", { className: "quiet" }, "Reading the topic…"));
  try {
    const listing = await get("/api/quarantine?limit=200");
    place.replaceChildren(...quarantine(listing));
  } catch (error) {
    place.replaceChildren(el("p", { className: "empty" }, printable(error.message)), again(showQuarantine));
  }
}

function quarantine(listing) {
  const records = listing.records ?? [];
  if (records.length === 0) return [el("p", { className: "empty" }, "Nothing is in quarantine."), again(showQuarantine)];
  const rows = records.map((record) =>
    el(
      "tr",
      {},
      el("td", { className: "time", title: exact(record.receivedAt) }, ago(record.receivedAt)),
      el("td", {}, badge(record.reason.replaceAll("_", " "), "o-quarantined")),
      el("td", { className: "wide" }, record.source),
      el("td", { className: "clip mono", title: printable(record.id) }, opener(record)),
      el("td", { className: "right number wide" }, bytes(record.bytes ?? 0)),
      el("td", { className: "number wide" }, `${record.partition}/${record.offset}`),
      // A narrow screen has this button in the body that the id opens.
      el("td", { className: "wide" }, el("button", { type: "button", onclick: () => replay(record) }, "Replay")),
    ),
  );
  const columns = [{ name: "Received" }, { name: "Why" }, { name: "Source", class: "wide" }, { name: "Id" }, { name: "Size", class: "right wide" }, { name: "In Kafka", class: "wide" }, { name: "", class: "wide" }];
  const intro = "These bodies are authentic and were not understood, or Kafka refused their records. Nothing of them is lost: mend the cause (often assume in the source's settings), then replay.";
  return [el("p", { className: "quiet" }, intro), el("div", { className: "scroll", tabIndex: 0, role: "region", "aria-label": "Quarantine" }, table(columns, rows, "Quarantine")), again(showQuarantine)];
}

/** A button that opens the body. */
function opener(record) {
  const open = () => openLife({ ...record, outcome: "quarantined" }, narrow);
  return el("button", { type: "button", className: "plain", onclick: open }, printable(record.id));
}

async function replay(record) {
  if (!window.confirm("Put this body through the relay again?")) return;
  const at = new URLSearchParams({ source: record.source, partition: record.partition, offset: record.offset });
  try {
    const answer = await post(`/api/quarantine/${encodeURIComponent(record.id)}/replay?${at}`);
    toast(answer.replays.map((one) => [one.outcome, one.reason].filter(Boolean).join(": ").replaceAll("_", " ")).join(", "));
  } catch (error) {
    toast(`It was not done: ${error.message}`);
  }
}

export async function showSubscriptions() {
  const place = byId("subscriptions");
  try {
    place.replaceChildren(...shelf(await get("/api/subscriptions")));
  } catch (error) {
    place.replaceChildren(el("p", { className: "empty" }, printable(error.message)), again(showSubscriptions));
  }
}

const NOT_KEPT = {
  here: "This relay keeps no subscriptions: none in its configuration says keep = true.",
  elsewhere: "Another replica looks after the subscriptions.",
  unknown: "Nobody looks after the subscriptions until Redis answers: it says which replica does.",
  off: "This relay keeps no subscriptions: its configuration says keeper.enabled = false.",
};

function shelf({ keeper, subscriptions, gaps }) {
  const parts = [subscriptions.length > 0 ? subscriptionTable(subscriptions) : el("p", { className: "empty" }, NOT_KEPT[keeper])];
  if (gaps.length > 0) {
    parts.push(el("h3", {}, "Gaps: times in which events may be missing"), gapTable(gaps));
  } else {
    parts.push(el("p", { className: "quiet" }, "No gaps: as far as this relay knows, no event is missing."));
  }
  return [...parts, again(showSubscriptions)];
}

function subscriptionTable(subscriptions) {
  const rows = subscriptions.map((one) =>
    el(
      "tr",
      {},
      el("td", {}, one.subscription),
      el("td", {}, one.provider),
      el("td", {}, badge(one.up ? "up" : "down", one.up ? "s-ok" : "s-setAside"), one.lastError && ` ${printable(one.lastError)}`),
      el("td", { className: "time" }, one.lastLook ? ago(one.lastLook) : "not yet"),
      el("td", { className: "time" }, one.lastPing ? ago(one.lastPing) : ""),
      el("td", { className: "right number" }, String(one.droppedEvents ?? 0)),
      el("td", {}, one.gaps.length === 0 ? "none" : gapCount(one.gaps)),
    ),
  );
  const columns = [{ name: "Subscription" }, { name: "Provider" }, { name: "State" }, { name: "Last look" }, { name: "Last ping" }, { name: "Dropped", class: "right" }, { name: "Gaps" }];
  return el("div", { className: "scroll", tabIndex: 0, role: "region", "aria-label": "Subscriptions" }, table(columns, rows, "Subscriptions"));
}

/** "one that lasts" or the number of them. */
const gapCount = (gaps) => badge(gaps[0].to ? `${gaps.length}, the last ended ${ago(gaps[0].to)}` : `one since ${exact(gaps[0].from)}`, gaps[0].to ? "o-duplicate" : "s-setAside");

function gapTable(gaps) {
  const rows = gaps.map((gap) =>
    el(
      "tr",
      {},
      el("td", {}, badge(gap.why.replaceAll("_", " "), gap.to ? "o-duplicate" : "s-setAside")),
      el("td", {}, gap.subscription ?? `all of source ${gap.source}`),
      el("td", { className: "number" }, exact(gap.from)),
      el("td", { className: "number" }, gap.to ? exact(gap.to) : "lasts"),
      el("td", { className: "right number" }, gap.dropped === undefined ? "not known" : String(gap.dropped)),
      el("td", {}, gap.whatToDo),
    ),
  );
  const columns = [{ name: "Why" }, { name: "Subscription" }, { name: "From" }, { name: "To" }, { name: "Missing", class: "right" }, { name: "What consumers should do" }];
  return el("div", { className: "scroll", tabIndex: 0, role: "region", "aria-label": "Gaps" }, table(columns, rows, "Gaps"));
}

const again = (show) => el("p", {}, el("button", { type: "button", onclick: show }, "Look again"));
