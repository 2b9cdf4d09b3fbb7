// What every module of the page uses: markup, hooks, and how sizes, times and money are written.
import htm from "./htm.js";
import { h } from "./preact.js";

export { render } from "./preact.js";
export { useEffect, useMemo, useRef, useState } from "./hooks.js";

// Text goes into text nodes and attributes only: what strangers send is shown, and never read as markup.
export const html = htm.bind(h);

export const dollars = (micros) => {
  const value = Math.abs(micros) / 1e6;
  const said = value && value < 0.01 ? value.toFixed(4) : value.toFixed(2);
  return `${micros < 0 ? "−" : ""}$${said}`;
};
export const pixels = (pair) => (pair ? `${pair[0]}×${pair[1]}` : "");
export const clockTime = (at) => new Date(at * 1000).toLocaleTimeString();
// The time alone where that is today's, by the clock of whoever looks.
export const shortTime = (at) => {
  const date = new Date(at * 1000);
  return date.toDateString() === new Date().toDateString() ? date.toLocaleTimeString() : date.toLocaleString([], { dateStyle: "short", timeStyle: "short" });
};
export const fullTime = (at) => new Date(at * 1000).toLocaleString();
export const duration = (ms) => (ms < 1000 ? `${ms} ms` : `${(ms / 1000).toFixed(1)} s`);
export const keyOf = (call) => `${call.account}/${call.n}`;
export const tone = (status) => (status == null ? "cut" : status < 400 ? "good" : "bad");
export const statusText = (status) => (status == null ? "cut" : String(status));

export function bytes(count) {
  if (count < 1000) return `${count} B`;
  return count < 1e6 ? `${(count / 1e3).toFixed(1)} kB` : `${(count / 1e6).toFixed(1)} MB`;
}

export function ahead(seconds) {
  const size = Math.abs(seconds);
  const sign = seconds < 0 ? "−" : "+";
  for (const [unit, length] of [["d", 86400], ["h", 3600], ["min", 60]]) {
    if (size >= length) return `${sign}${Number((size / length).toFixed(1))} ${unit}`;
  }
  return `${sign}${Math.round(size)} s`;
}

// A fault as Python writes it: Fail(status=429).
export function faultText({ fault, ...members }) {
  const said = Object.entries(members).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  return `${fault}(${said.join(", ")})`;
}

export function pretty(text) {
  try { return JSON.stringify(JSON.parse(text), null, 2); } catch { return text; }
}

// One line for screen readers, said once: what a button just did.
export function announce(text) { document.getElementById("announce").textContent = text; }

export async function copy(text) {
  try { await navigator.clipboard.writeText(text); } catch {
    // Without https or permission: the old way, from a selection.
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  announce("Copied");
}

export function CopyButton({ text, label = "Copy" }) {
  return html`<button type="button" class="small" onClick=${(event) => {
    copy(text);
    const button = event.currentTarget;
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = label; }, 1200);
  }}>${label}</button>`;
}
