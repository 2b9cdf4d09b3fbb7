// The inspector: a list that follows the journal, and one call in detail. Text goes into text nodes only.
"use strict";

const $ = (id) => document.getElementById(id);
let etag = "";
let calls = []; // all that are shown: the newest, which are polled, and the older ones that were asked for
let older = [];
let oldest = null; // when the last of them ended; null where none is older
let chosen = "";

function el(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value !== false && value != null) made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child != null && child !== ""));
  return made;
}

function ask(path, headers = {}, rest = {}) {
  const token = sessionStorage.getItem("fauxscale-token");
  if (token) headers.authorization = `Bearer ${token}`;
  return fetch(`api/${path}`, { headers, ...rest });
}

async function picture(call, side) {
  const reply = await ask(`inspector/pictures/${call.account}/${call.n}/${side}`);
  if (!reply.ok) return null;
  return URL.createObjectURL(await reply.blob());
}

const key = (call) => `${call.account}/${call.n}`;
const dollars = (micros) => (micros ? `$${(micros / 1e6).toFixed(2)}` : "");
const size = (pair) => (pair ? `${pair[0]}×${pair[1]}` : "");
const time = (at) => new Date(at * 1000).toLocaleTimeString();
const tone = (call) => (call.status == null ? "cut" : call.status < 400 ? "good" : "bad");

// A picture is fetched when its row comes into view: hundreds of them would hold up everything else.
const seen = new IntersectionObserver((rows) => {
  for (const { isIntersecting, target } of rows) {
    if (!isIntersecting) continue;
    seen.unobserve(target);
    const [account, n] = target.dataset.call.split("/");
    picture({ account, n }, "before").then((url) => { if (url) target.src = url; });
  }
});

function row(call) {
  const change = call.before && call.after ? `${size(call.before)} → ${size(call.after)}` : size(call.after || call.before);
  const thumb = el("img", { class: "thumb", alt: "", "data-call": key(call) });
  if (call.pictured) seen.observe(thumb);
  return el("button", { class: "call", type: "button", "data-key": key(call), onclick: () => show(call) },
    thumb,
    el("span", { class: `status ${tone(call)}` }, call.status == null ? "cut" : String(call.status)),
    el("span", { class: "what" },
      el("b", {}, call.operation), " ",
      ...call.faults.map((fault) => el("span", { class: "chip" }, fault)),
      el("small", {}, call.reason || change || call.path)),
    el("span", { class: "side" }, el("span", {}, time(call.at)), el("span", {}, [dollars(call.cost), `${call.ms} ms`].filter(Boolean).join(" · "))));
}

function table(rows) {
  return el("table", {}, ...rows.filter(([, value]) => value !== "" && value != null).map(([name, value]) =>
    el("tr", {}, el("th", { scope: "row" }, name), el("td", {}, typeof value === "object" ? JSON.stringify(value) : String(value)))));
}

async function show(call) {
  chosen = key(call);
  mark();
  const reply = await ask(`inspector/calls/${call.account}/${call.n}`);
  if (!reply.ok) return;
  const entry = await reply.json();
  const view = $("detail");
  view.hidden = false;
  view.replaceChildren(
    el("button", { class: "back", type: "button", onclick: back }, "← Calls"),
    el("h2", {}, `${entry.method} ${entry.operation}`, " ", el("span", { class: tone(call) }, String(entry.status ?? "connection cut"))),
    entry.reason ? el("p", { class: "reason" }, entry.reason) : "",
    el("div", { id: "pictures" }),
    el("h3", {}, "Call"),
    table([["account", call.label], ["key", entry.key], ["path", entry.path], ["time by its clock", new Date(entry.at * 1000).toLocaleString()],
      ["took", `${call.ms} ms`], ["faults", entry.faults.join(", ")], ["cost", dollars(entry.cost)], ["retry after", entry.retry_after]]),
    ...(Object.keys(entry.params).length ? [el("h3", {}, "Parameters"), table(Object.entries(entry.params))] : []),
    ...(entry.parts.length ? [el("h3", {}, "Parts"), table(entry.parts.map((part) =>
      [part.name, [part.filename, part.content_type, `${part.bytes} bytes`, part.text].filter(Boolean).join(" · ")]))] : []),
    el("h3", {}, "Request headers"), table(entry.request_headers),
    el("h3", {}, "Reply headers"), table(entry.reply_headers),
    ...(entry.reply ? [el("h3", {}, "Reply"), el("pre", {}, pretty(entry.reply))] : []));
  if (call.pictured || call.kind === "download") compare(call, entry);
}

// On a narrow screen the call lies over the list; this leads back.
function back() { $("detail").hidden = true; }

function pretty(text) {
  try { return JSON.stringify(JSON.parse(text), null, 2); } catch { return text; }
}

async function compare(call, entry) {
  const [before, after] = await Promise.all([picture(call, "before"), picture(call, "after")]);
  const place = $("pictures");
  if (!place || chosen !== key(call)) return;
  if (!after) { place.append(before ? el("img", { class: "thumb", src: before, alt: "picture sent" }) : ""); return; }
  const top = before ? el("img", { src: before, alt: "before" }) : null;
  place.append(el("h3", {}, before ? "Before and after" : "Result"),
    el("div", { class: "compare" }, el("img", { src: after, alt: "after" }), top));
  if (!top) return;
  const cut = (value) => { top.style.clipPath = `inset(0 ${100 - value}% 0 0)`; };
  cut(50);
  place.append(el("input", { type: "range", min: "0", max: "100", value: "50", "aria-label": "Before and after",
    oninput: (event) => cut(event.target.value) }));
  const twice = call.after && call.before && call.after[0] === 2 * call.before[0] && call.after[1] === 2 * call.before[1];
  place.append(el("p", { class: "verdict" }, twice ? "Exactly twice the size shown." : `${size(call.before)} → ${size(call.after)}`,
    entry.image?.orientation > 1 ? " Turned as its EXIF says." : "", entry.image?.has_alpha ? " Alpha kept." : ""));
}

function mark() {
  for (const button of document.querySelectorAll(".call")) button.setAttribute("aria-current", String(button.dataset.key === chosen));
}

function draw() {
  const terms = $("search").value.toLowerCase().split(/\s+/).filter(Boolean);
  const shown = calls.filter((call) => {
    const text = [call.status ?? "cut", call.operation, call.label, call.path, call.reason, ...call.faults].join(" ").toLowerCase();
    return terms.every((term) => text.includes(term));
  });
  const known = new Map([...document.querySelectorAll(".call")].map((button) => [button.dataset.key, button]));
  $("list").replaceChildren(...shown.map((call) => known.get(key(call)) ?? row(call)));
  $("older").hidden = oldest == null;
  $("none").hidden = shown.length > 0;
  $("locked").hidden = true;
  $("empty").hidden = calls.length > 0;
  document.querySelector("main").hidden = calls.length === 0;
  mark();
}

// New calls push others out of the list of the newest. Where some are missing between, or were reset, only the newest stay.
function take(news) {
  const polled = calls.slice(0, calls.length - older.length);
  const known = new Set(news.calls.map(key));
  const pushedOut = polled.filter((call) => !known.has(key(call)));
  const whole = pushedOut.length < polled.length && pushedOut.every((call) => news.oldest != null && call.ended < news.oldest);
  if (older.length && whole) older = [...pushedOut, ...older];
  else [older, oldest] = [[], news.oldest];
  calls = [...news.calls, ...older];
}

async function showOlder() {
  if (oldest == null) return;
  $("older").disabled = true;
  try {
    const reply = await ask(`inspector/calls?before=${oldest}`);
    if (reply.status !== 200) return;
    const news = await reply.json();
    older = [...older, ...news.calls];
    calls = [...calls, ...news.calls];
    oldest = news.oldest;
    said(news);
    draw();
  } catch { $("sum").textContent = "the server does not answer"; } finally { $("older").disabled = false; }
}
$("older").addEventListener("click", showOlder);

function said(news) {
  const count = news.total > calls.length ? `newest ${calls.length} of ${news.total}` : news.total;
  $("sum").textContent = `${count} ${news.total === 1 ? "call" : "calls"} · would have cost $${(news.spent / 1e6).toFixed(2)} · ${news.version}`;
}

async function follow() {
  try {
    const reply = await ask("inspector/calls", etag ? { "if-none-match": etag } : {});
    if (reply.status === 401) return lock();
    if (reply.status === 200) {
      etag = reply.headers.get("etag") ?? "";
      const news = await reply.json();
      take(news);
      said(news);
      invite(news.any_key);
      draw();
      const first = calls.find((call) => call.kind === "api");
      if (!chosen && first && matchMedia("(min-width: 60rem)").matches) show(first);
    }
  } catch { $("sum").textContent = "the server does not answer"; }
  setTimeout(follow, document.hidden ? 5000 : 1000);
}

// Asked for once, and not again until somebody gives an answer: nothing is polled meanwhile.
function lock() {
  if (sessionStorage.getItem("fauxscale-token")) $("why").textContent = "What was given is not it. It was printed when the server started.";
  for (const other of [document.querySelector("main"), $("empty")]) other.hidden = true;
  $("locked").hidden = false;
  $("sum").textContent = "needs the control token";
  $("token").focus();
}
$("unlock").addEventListener("submit", (event) => {
  event.preventDefault();
  sessionStorage.setItem("fauxscale-token", $("token").value.trim());
  $("token").value = etag = "";
  follow();
});

$("search").addEventListener("input", draw);
document.addEventListener("keydown", (event) => {
  if (event.target.matches("input") || !["ArrowDown", "ArrowUp"].includes(event.key)) return;
  const buttons = [...document.querySelectorAll(".call")];
  const at = buttons.findIndex((button) => button.dataset.key === chosen);
  const next = buttons[Math.max(0, Math.min(buttons.length - 1, at + (event.key === "ArrowDown" ? 1 : -1)))];
  if (next) { event.preventDefault(); next.click(); next.scrollIntoView({ block: "nearest" }); }
});
function invite(anyKey) {
  $("keys").hidden = anyKey;
  $("snippet").textContent =
    `curl ${location.origin}/upscale -H "Api-Key: ${anyKey ? "anything" : "$IDEOGRAM_API_KEY"}" \\\n     -F image_file=@photo.png -F image_request='{}'`;
}
$("try").addEventListener("click", async () => {
  const canvas = el("canvas", { width: "320", height: "200" });
  const paint = canvas.getContext("2d");
  const sky = paint.createLinearGradient(0, 0, 320, 200);
  sky.addColorStop(0, "#4b4acf"); sky.addColorStop(1, "#f2a65a");
  paint.fillStyle = sky; paint.fillRect(0, 0, 320, 200);
  paint.fillStyle = "#fff"; paint.font = "bold 44px system-ui"; paint.fillText("hello", 96, 116);
  const form = new FormData();
  form.append("image_request", "{}");
  form.append("image_file", await new Promise((done) => canvas.toBlob(done, "image/png")), "hello.png");
  // An account of its own, since the server may take named keys only.
  const opened = await ask("accounts", {}, { method: "POST", body: JSON.stringify({ label: "inspector" }) });
  if (!opened.ok) return;
  const { keys } = await opened.json();
  await fetch("/ideogram/upscale", { method: "POST", headers: { "Api-Key": keys.ideogram }, body: form });
  etag = "";
});
follow();
