// Money: what each account was charged, and of one account by operation, with work that was paid for twice.
import { ofAccount, read } from "./ask.js";
import { useChanges, useRead } from "./news.js";
import { clockTime, dollars, html } from "./parts.js";
import { LIST, moneyPlace } from "./places.js";

const MOST = 100;

export function Money({ account, state }) {
  const tick = useChanges(state, account);
  const all = useRead(() => read("inspector/money"), [state.changed.tick]);
  const accounts = all.value?.accounts ?? [];
  const chosen = account || accounts[0]?.id || "";
  const ledger = useRead(() => (chosen ? read(ofAccount(chosen, "/ledger")) : Promise.resolve(null)), [chosen, tick]);
  const label = accounts.find((one) => one.id === chosen)?.label ?? chosen;
  return html`<a class="back" href=${LIST}>← Calls</a><h2 tabindex="-1">Money</h2>
    <p class="soft">Play money: what the calls would have cost at the real services. Total: ${dollars(state.spent)}.</p>
    <h3>By account</h3>
    <table class="money"><thead><tr><th scope="col">account</th><th scope="col">calls</th><th scope="col">spent</th></tr></thead>
      <tbody>${accounts.map((one) => html`<tr key=${one.id} class=${one.id === chosen ? "chosen" : ""}>
        <th scope="row"><a href=${moneyPlace(one.id)}>${one.label}</a> <small>${one.id}</small></th><td>${one.calls}</td><td>${dollars(one.spent)}</td></tr>`)}</tbody></table>
    ${all.value?.more > 0 && html`<p class="soft">and ${all.value.more} more accounts</p>`}
    ${ledger.problem && html`<p class="reason">${ledger.problem}</p>`}
    ${ledger.value && html`<${Ledger} ledger=${ledger.value} label=${label} account=${chosen} />`}`;
}

function Ledger({ ledger, label, account }) {
  const refunded = new Set(ledger.charges.map((one) => one.refunds).filter(Boolean));
  const paid = ledger.charges.filter((one) => one.micros > 0 && !refunded.has(one.id));
  const byWork = grouped(paid, (one) => one.fingerprint);
  const twice = [...byWork.values()].filter((charges) => charges.length > 1);
  const extra = new Map(twice.flatMap((charges) => charges.slice(1).map((one) => [one.id, charges[0]])));
  const lost = [...extra.keys()].reduce((sum, id) => sum + paid.find((one) => one.id === id).micros, 0);
  const shown = ledger.charges.slice(-MOST).reverse();
  return html`<h3>${label} by operation</h3>
    <p>spent ${dollars(ledger.spent)} · ${ledger.balance == null ? "unlimited wallet" : `${dollars(ledger.balance)} left`}</p>
    ${twice.length > 0 && html`<p class="reason">${extra.size === 1 ? "One charge was" : `${extra.size} charges were`} for work that was already paid for: ${dollars(lost)}.</p>`}
    <table class="money"><thead><tr><th scope="col">operation</th><th scope="col">charges</th><th scope="col">images</th><th scope="col">spent</th></tr></thead>
      <tbody>${[...grouped(ledger.charges, (one) => one.operation)].map(([operation, charges]) => html`<tr><th scope="row">${operation}</th>
        <td>${charges.length}</td><td>${sum(charges, "images")}</td><td>${dollars(sum(charges, "micros"))}</td></tr>`)}</tbody></table>
    <h3>Charges</h3>
    <table class="money"><thead><tr><th scope="col">call</th><th scope="col">when</th><th scope="col">operation</th><th scope="col">charged</th></tr></thead>
      <tbody>${shown.map((one) => html`<tr key=${one.id} class=${extra.has(one.id) ? "twice" : ""}>
        <th scope="row"><a href=${`#/calls/${encodeURIComponent(account)}/${one.call.replace("call_", "")}`}>${one.call}</a></th><td>${clockTime(one.at)}</td>
        <td>${one.operation}${extra.has(one.id) ? html` <span class="chip">paid twice: same as ${extra.get(one.id).call}</span>` : ""}
          ${one.refunds ? html` <span class="chip">refunded</span>` : ""}</td><td>${dollars(one.micros)}</td></tr>`)}</tbody></table>
    ${ledger.charges.length > MOST && html`<p class="soft">The newest ${MOST} of ${ledger.charges.length}.</p>`}`;
}

function grouped(list, key) {
  const groups = new Map();
  for (const one of list) {
    const known = groups.get(key(one));
    if (known) known.push(one); else groups.set(key(one), [one]);
  }
  return groups;
}
const sum = (charges, member) => charges.reduce((total, one) => total + one[member], 0);
