// The gaps: times in which events may be missing.

import { get } from "./api.js";
import { printable } from "./dom.js";
import { exact } from "./format.js";

/** The gaps that may concern a document, of these sources if any are named. Empty if nobody knows. */
export async function gapsOf(document, sources) {
  const { gaps } = await get("/api/subscriptions").catch(() => ({ gaps: [] }));
  const isItsSource = (gap) => sources.length === 0 || sources.includes(gap.source);
  const isItsScope = (gap) => gap.scope?.documentId === undefined || gap.scope.documentId === document;
  return gaps.filter((gap) => isItsSource(gap) && isItsScope(gap));
}

/** A gap in words. */
export function inWords(gap) {
  const whose = gap.subscription ? `subscription ${gap.subscription}` : `source ${gap.source}`;
  const count = gap.dropped ? `${gap.dropped} dropped, ` : "";
  const until = gap.to ? `to ${exact(gap.to)}` : "until now";
  return printable(`${gap.why.replaceAll("_", " ")} (${count}${whose}), from ${exact(gap.from)} ${until}`);
}
