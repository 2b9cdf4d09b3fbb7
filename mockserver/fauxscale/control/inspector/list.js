// The list of calls. Only the rows in view are in the document, so that ten thousand are as quick as ten.
import { picture } from "./ask.js";
import { clockTime, dollars, duration, html, keyOf, pixels, statusText, tone, useEffect, useRef, useState } from "./parts.js";
import { callPlace } from "./places.js";

const ROW = 62; // pixels, as in style.css
const SPARE = 6;
const MOST_THUMBS = 300;
const thumbs = new Map();

function thumb(call) {
  const key = keyOf(call);
  if (!thumbs.has(key)) {
    thumbs.set(key, picture(call.account, call.n, "thumbnail").catch(() => null));
    if (thumbs.size > MOST_THUMBS) {
      const [oldest, url] = thumbs.entries().next().value;
      thumbs.delete(oldest);
      url.then((one) => one && URL.revokeObjectURL(one));
    }
  }
  return thumbs.get(key);
}

function Thumb({ call }) {
  const [url, setUrl] = useState("");
  const key = keyOf(call);
  useEffect(() => {
    let wanted = true;
    setUrl("");
    if (!call.pictured) return undefined;
    const timer = setTimeout(() => thumb(call).then((one) => wanted && setUrl(one ?? "")), 60); // not while scrolling past
    return () => { wanted = false; clearTimeout(timer); };
  }, [key]);
  if (url) return html`<img class="thumb" alt="" src=${url} />`;
  return html`<span class="thumb" aria-hidden="true">${call.kind === "download" ? "↓" : ""}</span>`;
}

function Row({ call, at, count, chosen }) {
  const change = call.before && call.after ? `${pixels(call.before)} → ${pixels(call.after)}` : pixels(call.after || call.before);
  return html`<li style=${{ top: `${at * ROW}px` }} aria-setsize=${count} aria-posinset=${at + 1}>
    <a class="call" href=${callPlace(call)} data-key=${keyOf(call)} aria-current=${chosen ? "true" : null}>
      <${Thumb} call=${call} />
      <span class="status ${tone(call.status)}">${statusText(call.status)}</span>
      <span class="what">
        <b>${call.operation}</b>${call.faults.map((fault) => html` <span class="chip">${fault}</span>`)}
        <small>${call.reason || change || call.path}</small>
      </span>
      <span class="side">
        <span>${clockTime(call.at)}</span>
        <span>${call.cost > 0 && html`<span class="cost">${dollars(call.cost)} · </span>`}${duration(call.ms)}</span>
      </span>
    </a>
  </li>`;
}

// While a button of the pointer is down the rows stay where they are, so that a click ends on the row that it began on.
function useSteady(rows, place) {
  const held = useRef(null);
  const latest = useRef(rows);
  const [, drawAgain] = useState(0);
  latest.current = rows;
  useEffect(() => {
    const node = place.current;
    const hold = () => { held.current ??= latest.current; };
    const release = () => setTimeout(() => { // after the click that follows
      if (!held.current) return;
      held.current = null;
      drawAgain((times) => times + 1);
    });
    node.addEventListener("pointerdown", hold);
    for (const name of ["pointerup", "pointercancel", "blur"]) addEventListener(name, release);
    return () => {
      node.removeEventListener("pointerdown", hold);
      for (const name of ["pointerup", "pointercancel", "blur"]) removeEventListener(name, release);
    };
  }, []);
  return held.current ?? rows;
}

export function List({ rows: newest, more, chosen, onOlder, filtered }) {
  const place = useRef(null);
  const rows = useSteady(newest, place);
  const [view, setView] = useState({ top: 0, height: 800 });
  const before = useRef({ first: "", count: 0 });

  useEffect(() => {
    const node = place.current;
    const look = () => setView({ top: node.scrollTop, height: node.clientHeight });
    const watch = new ResizeObserver(look);
    watch.observe(node);
    node.addEventListener("scroll", look, { passive: true });
    return () => { watch.disconnect(); node.removeEventListener("scroll", look); };
  }, []);

  // What is being read stays where it is while new calls come in above it.
  useEffect(() => {
    const node = place.current;
    const { first } = before.current;
    const at = first ? rows.findIndex((row) => keyOf(row) === first) : 0;
    if (at > 0 && node.scrollTop > ROW / 2) node.scrollTop += at * ROW;
    before.current = { first: rows.length ? keyOf(rows[0]) : "" };
  }, [rows]);

  const from = Math.max(0, Math.floor(view.top / ROW) - SPARE);
  const to = Math.min(rows.length, Math.ceil((view.top + view.height) / ROW) + SPARE);
  useEffect(() => {
    if (more && to >= rows.length - SPARE) onOlder();
  }, [to, rows.length, more]);

  return html`<div id="all" ref=${place}>
    <ul id="list" aria-label="Calls" style=${{ height: `${rows.length * ROW}px` }}>
      ${rows.slice(from, to).map((call, index) => html`<${Row} key=${keyOf(call)} call=${call} at=${from + index}
        count=${more ? -1 : rows.length} chosen=${keyOf(call) === chosen} />`)}
    </ul>
    ${rows.length === 0 && html`<p id="none">${filtered ? "No call matches the search." : "No calls."}
      ${more && html` <button type="button" class="small" onClick=${onOlder}>Search older calls</button>`}</p>`}
  </div>`;
}

// Brings a row into view, and the keyboard's focus to it.
export function focusRow(index) {
  const node = document.getElementById("all");
  const top = index * ROW;
  if (top < node.scrollTop) node.scrollTop = top;
  else if (top + ROW > node.scrollTop + node.clientHeight) node.scrollTop = top + ROW - node.clientHeight;
  const focus = (tries) => {
    const row = [...node.querySelectorAll("li")].find((one) => one.getAttribute("aria-posinset") === String(index + 1));
    if (row) row.firstElementChild.focus({ preventScroll: true });
    else if (tries) requestAnimationFrame(() => focus(tries - 1));
  };
  focus(20);
}
