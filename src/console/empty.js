// What the list says while it is empty: how to see a first event, or where else a missing one may be.

import { get } from "./api.js";
import { copyButton, el } from "./dom.js";
import { exact } from "./format.js";

/** How to see a first event. */
export async function firstSteps(place) {
  const title = empty("No notification has come yet.");
  place.replaceChildren(title);
  const answers = await Promise.all([get("/api/status"), get("/api/sources")]).catch(() => null);
  // One may have come meanwhile.
  if (!answers || !title.isConnected) return;
  const [{ ingest }, { sources }] = answers;
  const open = sources.find(({ proof }) => proof.length === 0);
  const source = open ?? sources[0];
  if (!source) return;
  const line = `cadrelay webhook test ${ingest}/webhooks/${source.name} --provider ${source.provider}${open ? "" : " --secret-env NAME"}`;
  place.append(el("p", {}, "Post one: ", el("code", {}, line), " ", copyButton("Copy", line)));
  if (!open) place.append(el("p", { className: "quiet" }, "NAME is the environment variable that holds the secret of the source."));
}

/** What it means that nothing is found, and where to look next. */
export async function notFound(place, { filters, oldest, showOutcome, open }) {
  const button = (outcome, text) => [" ", el("button", { type: "button", onclick: () => showOutcome(outcome) }, text)];
  const older = el("li", {}, "It may be older than this list. cadrelay explain ID knows ids for the whole window, 72 hours as a rule.");
  place.replaceChildren(
    empty(`Nothing here is like that${oldest ? `; the list goes back to ${exact(oldest)}` : ""}.`),
    el(
      "ul",
      { className: "reasons" },
      el("li", {}, "Its sender may not have sent it: is its hook there? See Subscriptions, or the provider."),
      el(
        "li",
        {},
        "It may have been refused; then nothing of its text is kept, and only its time and source tell:",
        button("unproven", "Show what was not proven"),
        button("too_large", "Show what was too large"),
        button("malformed", "Show what was malformed"),
        button("unavailable", "Show what was answered 503"),
      ),
      el("li", {}, "Its URL may be wrong: then the first line of this page tells of posts to a URL that names no source, and the log has the path."),
      el("li", {}, "It may not have been understood: see Quarantine."),
      older,
    ),
  );
  const id = filters.id ?? filters.q;
  if (id) await lookInWindow(id, older, open);
}

/** The window remembers ids for longer than the list. */
async function lookInWindow(id, place, open) {
  const { events } = await get(`/api/events/${encodeURIComponent(id)}`).catch(() => ({ events: [] }));
  if (!place.isConnected || events.length === 0) return;
  const found = events.map((life) => [" ", el("button", { type: "button", onclick: () => open(life) }, `${life.source}: ${life.state}`)]);
  place.replaceChildren(el("strong", {}, "It is older than this list, and its id is known:"), ...found.flat());
}

const empty = (text) => el("p", { className: "empty" }, text);
