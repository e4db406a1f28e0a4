// One event: its life, its body, what can be copied and done.

import { get, post, raw } from "./api.js";
import { badge, byId, copyButton, el, printable, toast } from "./dom.js";
import { gapsOf, inWords } from "./gaps.js";
import { ago, bytes, count, exact } from "./format.js";

let status = null;
export const rememberStatus = (latest) => (status = latest);

export async function openLife(decision, narrow) {
  const dialog = byId("life");
  const known = decision.id ? await lifeOf(decision) : null;
  const life = { ...decision, ...(known ?? {}) };
  dialog.replaceChildren(...content(life, dialog, narrow));
  if (!dialog.open) dialog.showModal();
  if (life.id) await Promise.all([showBody(life, dialog), showDocument(life, dialog)]);
}

async function lifeOf({ id, source }) {
  try {
    const answer = await get(`/api/events/${encodeURIComponent(id)}`);
    return answer.events.find((event) => event.source === source) ?? null;
  } catch {
    return null;
  }
}

function content(life, dialog, narrow) {
  const title = printable(life.event ?? nameless(life));
  return [
    el(
      "header",
      {},
      el("h2", { id: "life-title" }, title),
      el("button", { type: "button", onclick: () => dialog.close(), "aria-label": "Close" }, "Close"),
    ),
    el("p", {}, sentence(life)),
    el("div", { className: "actions" }, actions(life, dialog, narrow)),
    facts(life),
    // Nothing that a refused sender wrote is kept, so there is nothing to read.
    ...(life.id ? [el("h3", {}, "Its life"), timeline(life), el("h3", {}, "Its body"), el("div", { id: "body" }, el("p", { className: "quiet" }, "Reading…")), el("div", { id: "document-timeline" })] : []),
  ];
}

/** A title for what names no event. */
function nameless({ state, outcome, id }) {
  if (state === "quarantined" || outcome === "quarantined") return "A body that was not understood";
  return outcome ? `A notification that was ${outcome.replace("_", " ")}` : `Event ${id}`;
}

function sentence(life) {
  const repeats = life.duplicates > 0 ? ` It came again ${life.duplicates === 1 ? "once" : `${count(life.duplicates)} times`}, which was recognised.` : "";
  const where = life.offset === undefined ? "" : ` It is in ${life.topic}, partition ${life.partition}, offset ${life.offset}.`;
  switch (life.state) {
    case "pending":
      return `It is safe in the spool and waits for Kafka (${life.topic}). ${whyItWaits(life)}${repeats}`;
    case "committed":
      return `Kafka has it.${where}${repeats} A consumer that does not see it: it must subscribe to this topic and read with isolation.level=read_committed.`;
    case "quarantined":
      return `It is in quarantine: ${causes[life.reason] ?? `${words(life.reason)}.`}${where}${repeats}`;
    default:
      return refusals[life.outcome] ?? "Nothing more is known of it.";
  }
}

/** Why a record is not in Kafka yet, as far as the last look at the relay says. */
function whyItWaits({ topic }) {
  const lane = status?.lanes.find((one) => one.topic === topic);
  if (lane?.state === "setAside") return `Its topic does not take records: ${words(lane.reason)}. The relay tries again by itself.`;
  if (status?.kafka.delivering === false) return "Kafka does not answer. The relay delivers when Kafka is back.";
  return lane?.pending > 1 ? `${count(lane.pending)} records wait for this topic; it goes out in its turn.` : "It goes out in a moment.";
}

const words = (reason) => printable((reason ?? "not understood").replaceAll("_", " "));

/** Why a body or its record is in quarantine, and what helps. */
const causes = {
  not_json: "its body is not JSON.",
  not_an_object: "its body is JSON, but not an object.",
  no_event: "its body names no event.",
  too_deep: "its JSON is nested deeper than 128.",
  no_hook: "it is a payload without its hook, and its source assumes none. Set assume in the settings of the source, then put it through the relay again.",
  too_large_for_kafka: "Kafka refuses a record of this size. Raise max.message.bytes of its topic, then put it through the relay again.",
  invalid_record: "Kafka refuses its record for good.",
};

const refusals = {
  unproven: "It was answered 401: nothing proves where it comes from. Check the source's secret at the sender. Nothing was stored, and nothing that the sender wrote is kept.",
  malformed: "It was answered 400 or 415: it is not JSON and nothing proves it. Nothing was stored.",
  too_large: "It was answered 413: its body is over the limit. Nothing was stored.",
  unavailable: "It was answered 503, so its sender comes again. Nothing was stored.",
  duplicate: "It is a redelivery of an event that is stored already.",
};

function facts(life) {
  const rows = [
    ["Id", life.id],
    ["Source", life.source],
    ["About", life.subject],
    ["Key", life.document],
    ["Group", life.group],
    ["Hook", life.webhookId],
    ["Proven by", life.verified],
    ["Happened", life.occurredAt && exact(life.occurredAt)],
    [life.state ? "Accepted" : "Received", (life.acceptedAt ?? life.at) && exact(life.acceptedAt ?? life.at)],
    ["Sequence", life.sequence],
    ["Topic", life.topic],
    ["Partition and offset", life.offset === undefined ? undefined : `${life.partition} / ${life.offset}`],
    ["Refused by", life.refusedBy],
    ["Reason", life.reason && words(life.reason)],
    ["Size", life.bytes && bytes(life.bytes)],
  ];
  return el("dl", {}, rows.filter(([, value]) => value !== undefined && value !== null && value !== "").flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, printable(value))]));
}

function timeline(life) {
  const deliveries = life.deliveries ?? [{ at: life.at, outcome: life.outcome, webhookId: life.webhookId, durationMs: life.durationMs }];
  const steps = deliveries.map((delivery) =>
    el(
      "li",
      { className: `o-${delivery.outcome}` },
      badge(delivery.outcome.replace("_", " "), `o-${delivery.outcome}`),
      " ",
      el("span", { title: exact(delivery.at) }, `${exact(delivery.at)} `),
      el("span", { className: "quiet" }, [delivery.webhookId && `hook ${printable(delivery.webhookId)}`, delivery.durationMs !== undefined && `decided in ${delivery.durationMs} ms`].filter(Boolean).join(", ")),
    ),
  );
  if (life.state === "committed" || life.state === "quarantined") {
    steps.push(el("li", { className: `s-${life.state}` }, badge("in Kafka", `s-${life.state}`), ` ${life.topic} ${life.offset === undefined ? "" : `${life.partition}/${life.offset}`}`));
  } else if (life.state === "pending") {
    steps.push(el("li", { className: "s-pending" }, badge("waits for Kafka", "s-pending"), ` ${life.topic}`));
  }
  return el("ol", { className: "timeline" }, steps);
}

function actions(life, dialog, narrow) {
  const buttons = [];
  if (life.id) buttons.push(copyButton("Copy id", life.id));
  if (life.id && life.event) buttons.push(copyButton("Copy a test line", testLine(life)));
  if (life.offset !== undefined) buttons.push(copyButton("Copy a kcat line", kcatLine(life)));
  if (life.document) {
    const show = () => {
      dialog.close();
      narrow({ document: life.document });
    };
    buttons.push(el("button", { type: "button", onclick: show }, "All of this document"));
  }
  // A record that still waits is not lost to anybody.
  if (life.id && life.state && life.state !== "pending") {
    const text = life.state === "quarantined" ? "Put through the relay again" : "Publish again";
    buttons.push(el("button", { type: "button", onclick: () => replay(life) }, text));
  }
  return buttons;
}

/** A text as one word of a POSIX shell. */
const shell = (text) => `'${String(text).replaceAll("'", "'\\''")}'`;

function testLine(life) {
  const admin = location.origin;
  const url = `${status?.ingest ?? "http://127.0.0.1:8080"}/webhooks/${encodeURIComponent(life.source)}`;
  const from = `${admin}/api/events/${encodeURIComponent(life.id)}/raw?source=${encodeURIComponent(life.source)}`;
  return `curl -sf ${shell(from)} >body.json && cadrelay webhook test ${shell(url)} --provider ${life.provider} --event ${shell(life.event)} --payload-file body.json`;
}

const kcatLine = (life) => `kcat -C -b ${shell(status?.kafka.brokers ?? "localhost:9092")} -t ${shell(life.topic)} -p ${life.partition} -o ${life.offset} -c 1 -e`;

async function replay(life) {
  const isQuarantined = life.state === "quarantined";
  const question = isQuarantined
    ? "Put this body through the relay again?"
    : "Publish this event again? Consumers get a second record with the same id and the header ce_replayof.";
  if (!window.confirm(question)) return;
  const id = encodeURIComponent(life.id);
  const source = `?source=${encodeURIComponent(life.source)}`;
  try {
    const answer = await post(isQuarantined ? `/api/quarantine/${id}/replay${source}` : `/api/events/${id}/replay${source}`);
    toast(answer.replays ? answer.replays.map((one) => one.outcome.replaceAll("_", " ")).join(", ") : answer.outcome);
  } catch (error) {
    toast(`It was not done: ${error.message}`);
  }
}

async function showBody(life, dialog) {
  const place = dialog.querySelector("#body");
  const body = await raw(life.id, life.source).catch((error) => ({ absent: error.message }));
  if (!place.isConnected) return;
  if (body.absent !== undefined) return place.replaceChildren(el("p", { className: "quiet" }, printable(body.absent)));
  place.replaceChildren(el("div", { className: "actions" }, copyButton("Copy the body", body.text)), el("pre", { tabIndex: 0, "aria-label": "The body" }, printable(pretty(body.text))));
}

/** Indents JSON without reading its numbers, so that each stays as it was posted. */
export function pretty(text) {
  try {
    JSON.parse(text);
  } catch {
    return text;
  }
  let depth = 0;
  const line = () => `\n${"  ".repeat(depth)}`;
  return text.trim().replace(/"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+|\s+/gu, (token, at, whole) => {
    if (/^\s/u.test(token)) return "";
    if (token === "{" || token === "[") {
      depth += 1;
      return /^\s*[}\]]/u.test(whole.slice(at + 1)) ? token : token + line();
    }
    if (token === "}" || token === "]") {
      depth -= 1;
      return /[{[]\s*$/u.test(whole.slice(0, at)) ? token : line() + token;
    }
    if (token === ",") return `,${line()}`;
    return token === ":" ? ": " : token;
  });
}

async function showDocument(life, dialog) {
  const place = dialog.querySelector("#document-timeline");
  if (!life.document) return;
  const page = await get(`/api/events?${new URLSearchParams({ document: life.document, source: life.source, limit: "50" })}`).catch(() => ({ events: [] }));
  const gaps = await gapsOf(life.document, [life.source]);
  if (!place.isConnected || page.events.length + gaps.length < 2) return;
  const moments = page.events.map((event) => ({ at: event.at, step: eventStep(event, life) }));
  // A gap stands where it ended; one that lasts is the last.
  const missing = gaps.map((gap) => ({ at: gap.to ?? new Date().toISOString(), step: gapStep(gap) }));
  const steps = [...moments.reverse(), ...missing].sort((one, other) => new Date(one.at) - new Date(other.at)).map(({ step }) => step);
  place.replaceChildren(el("h3", {}, "Its document, oldest first"), el("ol", { className: "timeline" }, steps));
}

function eventStep(event, life) {
  return el(
    "li",
    { className: `o-${event.outcome}` },
    badge(event.outcome.replace("_", " "), `o-${event.outcome}`),
    ` ${printable(event.event ?? "")} `,
    el("span", { className: "quiet", title: exact(event.at) }, `${ago(event.at)}${event.id === life.id ? ", this one" : ""}`),
  );
}

function gapStep(gap) {
  return el("li", { className: "s-setAside" }, badge("gap", "s-setAside"), ` events may be missing: ${inWords(gap)}. `, el("span", { className: "quiet" }, gap.whatToDo));
}
