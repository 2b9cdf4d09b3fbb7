// The inspector: a list that follows the journal, and beside it one call, what breaks, or the money.
import { Armed } from "./armed.js";
import { send, ofAccount } from "./ask.js";
import { BreakIt } from "./break_it.js";
import { Call } from "./call.js";
import { matcher } from "./filter.js";
import { Help } from "./help.js";
import { focusRow, List } from "./list.js";
import { Money } from "./money.js";
import { News, useNews } from "./news.js";
import { Empty, Locked } from "./notices.js";
import { announce, dollars, html, keyOf, render, useEffect, useMemo, useRef, useState } from "./parts.js";
import { breakPlace, callPlace, goTo, LIST, moneyPlace, usePlace } from "./places.js";

const WIDE = matchMedia("(min-width: 60rem)");
const LIVE = { live: "live", waiting: "connecting", lost: "the server is not responding", locked: "needs the control token" };
const news = new News();

function App() {
  const state = useNews(news);
  const place = usePlace();
  const [search, setSearch] = useState("");
  const [help, setHelp] = useState(false);
  const match = useMemo(() => matcher(search), [search]);
  const rows = useMemo(() => (match ? state.rows.filter(match) : state.rows), [match, state.rows]);
  const chosen = place.view === "calls" ? `${place.account}/${place.what}` : "";
  const account = place.account || rows[0]?.account || "";

  // What is searched for may be among the older calls.
  useEffect(() => { if (match && state.oldest != null) news.older(); }, [match != null, state.oldest]);
  useEffect(() => {
    const first = state.rows.find((row) => row.kind === "api");
    if (!place.view && first && WIDE.matches) goTo(callPlace(first), { quietly: true });
  }, [place.view, state.rows.length > 0]);
  useEffect(() => { document.body.classList.toggle("open", place.view !== ""); }, [place.view]);
  useKeys({ rows, chosen, account, setHelp });

  if (state.live === "locked") return html`<${Head} state=${state} /><${Locked} wrong=${state.wrongToken} onToken=${() => follow()} />`;
  const empty = state.version && state.total === 0 && place.view !== "break";
  return html`
    <${Head} state=${state} search=${search} setSearch=${setSearch} place=${place} account=${account} onHelp=${() => setHelp(true)} shown=${rows.length} match=${match} />
    <${Armed} armed=${state.armed} count=${state.armedAccounts} />
    ${empty ? html`<${Empty} anyKey=${state.anyKey} />` : html`<main>
      <${List} rows=${rows} more=${state.oldest != null} chosen=${chosen} onOlder=${() => news.older()} filtered=${match != null} />
      <section id="detail" aria-label=${{ break: "Break it", money: "Money" }[place.view] ?? "Call"}>
        ${place.view === "calls" && html`<${Call} key=${chosen} account=${place.account} n=${place.what} state=${state} />`}
        ${place.view === "break" && html`<${BreakIt} account=${place.account} operation=${place.what} state=${state} />`}
        ${place.view === "money" && html`<${Money} account=${place.account} state=${state} />`}
        ${!place.view && html`<p class="soft">Select a call.</p>`}
      </section></main>`}
    <${Help} open=${help} onClose=${() => setHelp(false)} />`;
}

function Head({ state, search, setSearch, place, account, onHelp, shown, match }) {
  const { total, rows, spent, version, live } = state;
  const count = match ? `${shown} of ${total}` : total > rows.length ? `newest ${rows.length} of ${total}` : total;
  const money = `would have cost ${dollars(spent)}`;
  const said = version && live !== "locked" ? `${count} ${total === 1 ? "call" : "calls"} · ${money}` : LIVE[live];
  return html`<header>
    <h1><a href=${LIST}>fauxscale</a></h1>
    ${setSearch && html`<input id="search" type="search" value=${search} placeholder="Search: status:429 provider:fal …" aria-label="Search calls"
      onInput=${(event) => setSearch(event.target.value)} />`}
    <p id="sum" role="status"><span class=${`dot ${live}`} title=${LIVE[live]}></span>${live === "lost" ? LIVE.lost : said}</p>
    ${setSearch && html`<nav aria-label="Page">
      <a href=${breakPlace(account)} aria-current=${place.view === "break" ? "page" : null}>Break it</a>
      <a href=${moneyPlace()} aria-current=${place.view === "money" ? "page" : null}>Money</a>
      <button type="button" onClick=${() => clear(rows)} disabled=${!rows.length}>Clear</button>
      <button type="button" onClick=${onHelp} aria-label="Keys and search">?</button></nav>`}
  </header>`;
}

// Forgets the calls that are listed, of every account; money, links and faults stay.
async function clear(rows) {
  const accounts = [...new Set(rows.map((row) => row.account))];
  for (const one of accounts) await send("POST", ofAccount(one, "/reset"), { what: ["calls"] }).catch(() => null);
  goTo(LIST);
  announce("Calls cleared");
}

function useKeys(now) {
  const latest = useRef(now);
  latest.current = now;
  useEffect(() => {
    const pressed = (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
      const { target, key } = event;
      if (key === "Escape" && !target.matches("dialog *")) return leave(latest.current, event);
      if (target.matches("input, select, textarea")) return;
      const act = ACTIONS[key];
      if (!act) return;
      event.preventDefault();
      act(latest.current);
    };
    document.addEventListener("keydown", pressed);
    return () => document.removeEventListener("keydown", pressed);
  }, []);
}

function leave({ rows, chosen }, event) {
  event.preventDefault();
  if (document.body.classList.contains("open") && !WIDE.matches) goTo(LIST);
  const at = rows.findIndex((row) => keyOf(row) === chosen);
  if (rows.length) focusRow(Math.max(0, at));
}

// On a wide screen the call is shown beside the list as one goes; on a narrow one it lies over it, and Enter opens it.
function walk(step) {
  return ({ rows, chosen }) => {
    if (!rows.length) return;
    const focused = document.activeElement?.dataset?.key;
    const at = rows.findIndex((row) => keyOf(row) === (focused ?? chosen));
    const next = Math.max(0, Math.min(rows.length - 1, step(at, rows.length)));
    focusRow(next);
    if (WIDE.matches) goTo(callPlace(rows[next]), { quietly: true });
  };
}

function openChosen() {
  const focused = document.activeElement;
  if (focused?.matches("a, button, summary")) focused.click();
  setTimeout(() => document.querySelector("#detail h2")?.focus(), 50);
}

const ACTIONS = {
  j: walk((at) => at + 1), ArrowDown: walk((at) => at + 1),
  k: walk((at) => at - 1), ArrowUp: walk((at) => at - 1),
  Home: walk(() => 0), End: walk((at, count) => count - 1),
  Enter: openChosen,
  "/": () => document.getElementById("search")?.focus(),
  b: ({ account }) => goTo(breakPlace(account)),
  m: () => goTo(moneyPlace()),
  "?": ({ setHelp }) => setHelp(true),
};

const follow = () => news.follow();
render(html`<${App} />`, document.getElementById("app"));
follow();
