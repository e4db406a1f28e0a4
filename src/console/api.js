// The calls from the page to the relay.

/** Gets an answer as JSON; a problem becomes an Error that says what the relay said. */
export async function get(path) {
  return read(await fetch(path, { headers: { accept: "application/json" } }));
}

/** Asks for a change. */
export async function post(path) {
  return read(await fetch(path, { method: "POST" }));
}

/** The posted bytes of an event as text. Null if this relay does not have them any more. */
export async function raw(id, source) {
  const response = await fetch(`/api/events/${encodeURIComponent(id)}/raw?source=${encodeURIComponent(source)}`);
  if (response.ok) return { text: await response.text() };
  const problem = await response.json().catch(() => ({}));
  return { absent: problem.detail ?? `The relay answered ${response.status}.` };
}

async function read(response) {
  if (response.status === 401) {
    location.assign("/console");
    throw new Error("signed out");
  }
  const text = await response.text();
  const answer = text === "" ? {} : JSON.parse(text);
  if (!response.ok) throw new Error(answer.detail ?? answer.title ?? `the relay answered ${response.status}`);
  return answer;
}

/** Follows the decisions. Calls back with each; falls back to polling where no stream comes through. */
export function follow(filters, last, onEvent, onState) {
  let closed = false;
  let poller = null;
  let stream = null;
  let failures = 0;

  const query = () => {
    const parameters = new URLSearchParams(filters);
    if (last) parameters.set("after", last);
    return parameters;
  };
  const take = (event) => {
    if (last && BigInt(event.cursor) <= BigInt(last)) return;
    last = event.cursor;
    onEvent(event);
  };
  const open = () => {
    stream = new EventSource(`/api/events/stream?${query()}`);
    stream.onopen = () => {
      failures = 0;
      onState("live");
    };
    stream.onmessage = (message) => take(JSON.parse(message.data));
    stream.onerror = () => {
      stream.close();
      if (closed) return;
      failures += 1;
      onState(failures < 3 ? "reconnecting" : "polling");
      poller = setTimeout(failures < 3 ? open : poll, failures < 3 ? 1000 : 2000);
    };
  };
  const poll = async () => {
    try {
      const page = await get(`/api/events?${new URLSearchParams({ ...filters, limit: "100" })}`);
      page.events.reverse().forEach(take);
      failures += 1;
      onState("polling");
    } catch {
      onState("lost");
    }
    // Once in a while a stream may come through again.
    if (!closed) poller = setTimeout(failures % 10 === 0 ? open : poll, 2000);
  };
  open();
  return () => {
    closed = true;
    stream?.close();
    clearTimeout(poller);
  };
}
