// One call: why it was answered so, its pictures, what came of it, what was sent and answered, and code to paste.
import { ofAccount, read, send } from "./ask.js";
import { Compare } from "./compare.js";
import { useChanges, useRead } from "./news.js";
import { announce, bytes, clockTime, CopyButton, dollars, duration, fullTime, html, pixels, pretty, shortTime, statusText, tone, useEffect, useState } from "./parts.js";
import { breakPlace, LIST, moneyPlace } from "./places.js";
import { why } from "./words.js";

export function Call({ account, n, state }) {
  const path = `inspector/calls/${encodeURIComponent(account)}/${n}`;
  const tick = useChanges(state, account);
  const entry = useRead(() => read(path), [account, n]);
  const story = useRead(() => read(`${path}/story`), [account, n, tick]);
  const row = state.rows.find((one) => one.account === account && String(one.n) === n);
  useEffect(() => { document.getElementById("detail").scrollTop = 0; }, [account, n]);
  const call = entry.value;
  if (entry.problem) {
    return html`<h2 tabindex="-1">Call ${n}</h2><p class="reason">This call is no longer available: ${entry.problem}.</p><a href=${LIST}>All calls</a>`;
  }
  if (!call || String(call.n) !== n) return html`<h2 tabindex="-1">Call ${n}</h2><p class="soft">Loading …</p>`;
  const pictured = call.image?.source || (call.kind === "download" && call.results.length) || call.results.length;
  const reasons = why(call, story.value);
  return html`
    <a class="back" href=${LIST}>← Calls</a>
    <h2 tabindex="-1">${call.method} ${call.operation} <span class=${tone(call.status)}>${call.status ?? "connection cut"}</span></h2>
    <p class="meta">${clockTime(call.at)} · ${duration(Math.round((call.ended - call.started) * 10000) / 10)}${call.cost ? ` · ${dollars(call.cost)}` : ""} ·
      account <a href=${moneyPlace(account)}>${row?.label ?? account}</a> <code>${account}</code> <${CopyButton} text=${account} label="Copy id" />${" "}
      <${CopyButton} text=${location.href} label="Copy link" /></p>
    <section aria-label="Why this reply" class=${`why ${tone(call.status)}`}>
      ${reasons.map((one) => html`<p class=${[one.armed ? "armed" : "", one.soft ? "soft" : ""].join(" ")}>${one.text}</p>`)}
    </section>
    <div class="bar">
      <a class="small button" href=${breakPlace(account, call.operation)}>Break the next call like this</a>
      <${Actions} account=${account} call=${call} story=${story.value} />
    </div>
    ${pictured ? html`<${Compare} call=${{ account, n }} />` : null}
    <${Timeline} account=${account} call=${call} story=${story.value} />
    <h3>Request</h3>
    <pre class="line">${call.method} ${call.path}</pre>
    <${Parts} call=${call} />
    <${Table} rows=${Object.entries(call.params)} name="Parameters" />
    <${Table} rows=${call.request_headers} name="Headers" folded />
    <h3>Reply</h3>
    ${call.reply ? html`<pre tabindex="0" aria-label="Reply body">${pretty(call.reply)}</pre>` : html`<p class="soft">${call.kind === "download" ? "A picture." : "No text."}</p>`}
    <${Table} rows=${call.reply_headers} name="Headers" folded />
    ${story.value && html`<${Copies} copies=${story.value.copies} />`}`;
}

function Actions({ account, call, story }) {
  const alive = story?.links.filter((link) => link.alive) ?? [];
  const expire = async () => {
    for (const link of alive) await send("POST", ofAccount(account, "/links/expire"), { link: link.id });
    announce("Expired: its link is now refused");
  };
  const finish = async () => {
    await send("POST", ofAccount(account, `/jobs/${story.job.id}/finish`));
    announce("The job is finished");
  };
  return html`
    ${alive.length > 0 && html`<button type="button" class="small" onClick=${expire}>Expire its link</button>`}
    ${story?.job && !story.job.ended && html`<button type="button" class="small" onClick=${finish}>Finish its job</button>`}`;
}

function Table({ rows, name, folded = false }) {
  const shown = rows.filter(([, value]) => value !== "" && value != null);
  if (!shown.length) return null;
  const table = html`<table><caption class=${folded ? "hidden" : ""}>${name}</caption><tbody>${shown.map(([one, value]) =>
    html`<tr><th scope="row">${one}</th><td>${typeof value === "object" ? JSON.stringify(value) : String(value)}</td></tr>`)}</tbody></table>`;
  return folded ? html`<details><summary>${name} (${shown.length})</summary>${table}</details>` : table;
}

// Bytes decide what a file is, and clients get the type wrong: both are shown.
function Parts({ call }) {
  if (!call.parts.length) return null;
  const agree = (part) => !part.detected || (part.content_type ?? "").toLowerCase() === `image/${part.detected.toLowerCase()}`;
  return html`<table><caption>Parts</caption>
    <thead><tr><th scope="col">name</th><th scope="col">declared</th><th scope="col">detected</th><th scope="col">sent</th></tr></thead>
    <tbody>${call.parts.map((part) => html`<tr><th scope="row">${part.name}</th>
      <td>${[part.content_type, part.filename].filter(Boolean).join(", ") || "—"}</td>
      <td class=${agree(part) ? "" : "cut"}>${part.detected ?? "—"}${agree(part) ? "" : " (differs from declared)"}</td>
      <td>${part.text ?? bytes(part.bytes)}</td></tr>`)}</tbody></table>`;
}

function Timeline({ account, call, story }) {
  if (!story) return null;
  const steps = [{ at: call.at, text: `${call.method} ${call.operation}`, status: call.status }];
  if (story.charge) steps.push({ at: story.charge.at, text: `charged ${dollars(story.charge.micros)}` });
  for (const one of story.calls) {
    steps.push({ at: one.at, text: `${one.operation} ${one.what}`, status: one.status, href: `#/calls/${encodeURIComponent(account)}/${one.n}` });
  }
  if (story.job) {
    steps.push({ at: story.job.since, text: `job ${story.job.stage}${story.job.error ? `: ${story.job.error}` : ""}` });
  }
  for (const one of story.webhooks) {
    steps.push({ at: one.at, text: `webhook ${one.problem || "sent"}${one.copies > 1 ? `, ${one.copies} times` : ""}`, status: one.status ?? undefined });
  }
  for (const link of story.links) {
    if (!link.given || link.exp == null) continue;
    steps.push({ at: link.exp, text: link.exp > story.now ? `link ${link.alive ? "expires" : "was expired early"}` : "link expired", future: link.exp > story.now });
  }
  steps.sort((one, other) => one.at - other.at);
  return html`<h3>Timeline</h3><ol class="timeline">${steps.map((step) => html`<li class=${step.future ? "future" : ""}>
    <time title=${fullTime(step.at)}>${shortTime(step.at)}</time>
    <span>${step.href ? html`<a href=${step.href}>${step.text}</a>` : step.text}
      ${step.status !== undefined && html` <b class=${tone(step.status)}>${statusText(step.status)}</b>`}</span></li>`)}</ol>`;
}

const LANGUAGES = [["pytest", "pytest test"], ["curl", "curl"], ["python", "Python"], ["javascript", "JavaScript"]];

function Copies({ copies }) {
  const [chosen, setChosen] = useState("pytest");
  return html`<h3>Copy as</h3>
    <div class="bar" role="group" aria-label="Language">${LANGUAGES.map(([name, label]) =>
      html`<button type="button" class="small" aria-pressed=${String(chosen === name)} onClick=${() => setChosen(name)}>${label}</button>`)}
      <${CopyButton} text=${copies[chosen]} /></div>
    ${chosen === "pytest" && html`<p class="soft">A pytest test that stages this exact reply and checks it.</p>`}
    <pre id="snippet" tabindex="0" aria-label="Code">${copies[chosen]}</pre>`;
}
