// Break it: faults to come, the clock, the wallet and limits, links and jobs of one account.
import { ofAccount, read, send } from "./ask.js";
import { FaultForm } from "./fault_form.js";
import { useChanges, useRead } from "./news.js";
import { announce, clockTime, CopyButton, fullTime, html, useMemo, useState } from "./parts.js";
import { breakPlace, goTo, LIST } from "./places.js";

// A button that does something to the account, and says what came of it.
function Act({ label, told, act }) {
  const [problem, setProblem] = useState("");
  return html`<button type="button" class="small" onClick=${() => act().then(() => { setProblem(""); announce(told ?? label); },
    (refused) => setProblem(refused.message))}>${label}</button>${problem && html`<span class="bad" role="alert">${problem}</span>`}`;
}

export function BreakIt({ account, operation, state }) {
  const tick = useChanges(state, account);
  const fixed = useRead(() => Promise.all([read("openapi.json"), read("providers")]), []);
  const accounts = useRead(() => read("accounts"), [state.changed.tick]);
  const cards = accounts.value?.accounts ?? [];
  const chosen = account || cards.at(-1)?.id || "";
  const found = useRead(() => (chosen ? Promise.all([
    ...["/clock", "/settings", "/links", "/jobs"].map((part) => read(ofAccount(chosen, part))),
  ]) : Promise.resolve(null)), [chosen, tick, state.changed.tick]);
  const operations = useMemo(() => named(fixed.value?.[1].providers ?? {}), [fixed.value]);

  const heading = html`<a class="back" href=${LIST}>← Calls</a><h2 tabindex="-1">Break it</h2>`;
  if (accounts.value && !cards.length) return html`${heading}<p class="soft">No account yet: the first call with an API key creates one.</p>`;
  const card = cards.find((one) => one.id === chosen);
  const [clock, settings, links, jobs] = found.value ?? [];
  return html`${heading}
    <div class="fields"><label for="account">account<select id="account" value=${chosen} onChange=${(event) => goTo(breakPlace(event.target.value))}>
      ${cards.map((one) => html`<option value=${one.id} selected=${one.id === chosen}>${one.label} (${one.id})</option>`)}</select></label>
      <p class="soft"><code>${chosen}</code> <${CopyButton} text=${chosen} label="Copy id" />
        ${card && html` <span>keys ${Object.entries(card.keys).map(([name, key]) => (name === "*" ? key : `${name} ${key}`)).join(", ")}</span>`}</p></div>
    ${found.problem && html`<p class="reason" role="alert">${found.problem}</p>`}
    ${fixed.value && chosen && html`<h3>The next calls</h3>
      <${FaultForm} key=${`${chosen} ${operation}`} account=${chosen} description=${fixed.value[0]} operations=${operations}
        operation=${operations.includes(operation) ? operation : "*"} />`}
    ${clock && html`
      <${Clock} account=${chosen} clock=${clock} links=${links.links} />
      <${Terms} key=${chosen} account=${chosen} settings=${settings} schema=${fixed.value?.[0].components.schemas.Terms} />
      <${Links} account=${chosen} links=${links.links} />
      <${Jobs} account=${chosen} jobs=${jobs.jobs} />`}`;
}

function named(providers) {
  const names = Object.entries(providers).flatMap(([name, about]) => [`${name}.*`, ...Object.keys(about.operations)]);
  return ["*", ...new Set(names)].sort();
}

function Clock({ account, clock, links }) {
  const move = (label, step) => html`<${Act} label=${label} told=${`Clock ${label}`} act=${() => send("POST", ofAccount(account, "/clock/advance"), step)} />`;
  const ends = links.filter((link) => link.alive && link.exp > clock.now).map((link) => link.exp);
  const next = ends.length ? Math.min(...ends) : null;
  return html`<h3>Clock</h3>
    <p><time class="clock">${fullTime(clock.now)}</time>${clock.frozen ? " · frozen" : ""}</p>
    <div class="bar">
      ${move("+1 min", { minutes: 1 })}${move("+1 h", { hours: 1 })}
      ${next != null && html`<${Act} label="To the next expiry" told=${`Clock at ${clockTime(next)}`}
        act=${() => send("POST", ofAccount(account, "/clock/set"), { at: next })} />`}
      ${clock.frozen ? html`<${Act} label="Unfreeze" act=${() => send("POST", ofAccount(account, "/clock/unfreeze"))} />`
        : html`<${Act} label="Freeze" act=${() => send("POST", ofAccount(account, "/clock/freeze"))} />`}
      <${Act} label="Back to real time" act=${() => send("POST", ofAccount(account, "/reset"), { what: ["clock"] })} />
    </div>`;
}

function Terms({ account, settings, schema }) {
  const [changed, setChanged] = useState({});
  const [problem, setProblem] = useState("");
  const names = Object.keys(schema?.properties ?? {}).filter((name) => name !== "options");
  const patch = (members, told) => send("PATCH", ofAccount(account, "/settings"), members).then(() => {
    setChanged({});
    setProblem("");
    announce(told);
  }, (refused) => setProblem(refused.message));
  const save = (event) => {
    event.preventDefault();
    const members = Object.entries(changed).map(([name, text]) =>
      [name, text === "" ? null : schema.properties[name].enum ? text : Number(text)]);
    patch(Object.fromEntries(members), "Settings changed");
  };
  return html`<h3>Wallet and limits</h3>
    <form id="terms" class="fields" onSubmit=${save}>
      ${names.map((name) => {
        const { enum: choices } = schema.properties[name];
        const value = changed[name] ?? settings[name] ?? "";
        const change = (event) => setChanged({ ...changed, [name]: event.target.value });
        return html`<label for=${`term-${name}`}>${name}${choices
          ? html`<select id=${`term-${name}`} value=${value} onChange=${change}><option value="" selected=${value === ""}>server default</option>
            ${choices.filter(Boolean).map((one) => html`<option value=${one} selected=${one === value}>${one}</option>`)}</select>`
          : html`<input id=${`term-${name}`} type="number" min="0" step="any" placeholder=${name === "balance" ? "no limit" : "default"} value=${value} onInput=${change} />`}</label>`;
      })}
      <button type="submit" class="primary" disabled=${!Object.keys(changed).length}>Set</button>
      <button type="button" class="small" onClick=${() => patch({ balance: 0 }, "The wallet is empty")}>Empty the wallet</button>
      ${problem && html`<p class="reason wide" role="alert">${problem}</p>`}
    </form>`;
}

const MOST = 20;

function Links({ account, links }) {
  if (!links.length) return null;
  const shown = links.slice(-MOST).reverse();
  const change = (verb, link) => () => send("POST", ofAccount(account, `/links/${verb}`), link ? { link: link.id } : {});
  return html`<h3>Links (${links.length})</h3>
    <div class="bar"><${Act} label="Expire all" told="All links expired" act=${change("expire")} /><${Act} label="Renew all" act=${change("renew")} /></div>
    <ul class="things">${shown.map((link) => html`<li key=${link.id}>
      <span><b class=${link.alive ? "good" : "bad"}>${link.alive ? "active" : "inactive"}</b> ${link.operation} ${link.width}×${link.height}
        <small>${link.exp ? `until ${fullTime(link.exp)}` : "its job has not finished"}</small></span>
      <span class="bar">${link.alive ? html`<${Act} label="Expire" told="Expired" act=${change("expire", link)} />`
        : html`<${Act} label="Renew" told="Renewed" act=${change("renew", link)} />`}<${Act} label="Purge" told="Purged" act=${change("purge", link)} /></span></li>`)}</ul>
    ${links.length > MOST && html`<p class="soft">The newest ${MOST} of ${links.length}.</p>`}`;
}

function Jobs({ account, jobs }) {
  if (!jobs.length) return null;
  const act = (job, verb) => () => send("POST", ofAccount(account, `/jobs/${job.id}/${verb}`));
  return html`<h3>Jobs (${jobs.length})</h3>
    <ul class="things">${jobs.slice(-MOST).reverse().map((job) => html`<li key=${job.id}>
      <span><b class=${job.error ? "bad" : job.stage === "done" ? "good" : "cut"}>${job.stage}</b> ${job.operation} <small>${job.id}</small></span>
      ${["queued", "running"].includes(job.stage) && html`<span class="bar">
        <${Act} label="Finish" told="The job is finished" act=${act(job, "finish")} /><${Act} label="Fail" told="The job failed" act=${act(job, "fail")} />
        <${Act} label="Stall" told="The job is stalled" act=${act(job, "stall")} /></span>`}</li>`)}</ul>`;
}
