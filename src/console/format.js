// Writes numbers, times and sizes.

const number = new Intl.NumberFormat("en");

export const count = (value) => number.format(value);

export function rate(value) {
  if (value === 0) return "0";
  return value < 10 ? value.toFixed(1) : number.format(Math.round(value));
}

export function bytes(value) {
  const units = ["B", "KiB", "MiB", "GiB"];
  let at = 0;
  while (value >= 1024 && at < units.length - 1) {
    value /= 1024;
    at += 1;
  }
  return `${at === 0 ? value : value.toFixed(1)} ${units[at]}`;
}

/** "12 s ago", "3 min ago". A clock of the relay that is ahead of ours makes nothing lie in the future. */
export function ago(time, now = Date.now()) {
  const seconds = Math.max(0, (now - new Date(time).getTime()) / 1000);
  return seconds < 1 ? "now" : `${span(seconds)} ago`;
}

export function span(seconds) {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  if (seconds < 129_600) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86_400)} days`;
}

/** The time of day; with the date if it was another day. */
export function clock(time) {
  const moment = new Date(time);
  const day = moment.toDateString() === new Date().toDateString() ? "" : `${moment.toISOString().slice(0, 10)} `;
  return day + moment.toLocaleTimeString("en-GB", { hour12: false });
}

export function exact(time) {
  const moment = new Date(time);
  return `${moment.toISOString().replace("T", " ").replace("Z", " UTC")}`;
}
