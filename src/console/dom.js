// Small helpers that make elements. What a sender wrote is only ever set as text, never as markup.

/** An element with properties and children; strings become text nodes, null and false are left out. */
export function el(name, properties = {}, ...children) {
  const element = document.createElement(name);
  assign(element, properties);
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** An element of SVG. */
export function svg(name, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

export const byId = (id) => document.getElementById(id);

/** A table with a head; `columns` are {name, class}. */
export function table(columns, rows, caption) {
  return el(
    "table",
    {},
    el("caption", { className: "skip" }, caption),
    el("thead", {}, el("tr", {}, columns.map((column) => el("th", { scope: "col", className: column.class ?? "" }, column.name)))),
    el("tbody", {}, rows),
  );
}

export const badge = (text, kind) => el("span", { className: `badge ${kind}` }, text);

/** Copies a text and says so. */
export function copyButton(label, text) {
  return el("button", { type: "button", onclick: () => copy(text) }, label);
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    toast("Copied");
  } catch {
    window.prompt("Copy this:", text);
  }
}

let toastTimer;
export function toast(text) {
  const place = byId("toast");
  place.textContent = printable(text);
  place.classList.add("shown");
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => place.classList.remove("shown"), 2500);
}

/** Shows what would turn the direction of writing, or not be seen at all. */
export function printable(text) {
  const escape = (mark) => `\\u{${mark.codePointAt(0).toString(16)}}`;
  return String(text).replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/gu, escape);
}

function assign(element, properties) {
  for (const [key, value] of Object.entries(properties)) {
    if (value === undefined || value === null) continue;
    if (key in element) element[key] = value;
    else element.setAttribute(key, value);
  }
}
