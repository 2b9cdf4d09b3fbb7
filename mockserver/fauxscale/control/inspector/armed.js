// What is armed, on every account: always in view, and each of it can be removed where it stands.
import { ofAccount, read, send } from "./ask.js";
import { ahead, announce, faultText, html } from "./parts.js";
import { breakPlace } from "./places.js";

function often(rule) {
  const said = [rule.left == null ? "every call" : rule.left === 1 ? "next call" : `next ${rule.left} calls`];
  if (rule.after) said.push(`after ${rule.after}`);
  if (rule.probability != null) said.push(`${Math.round(rule.probability * 100)} %`);
  return said.join(", ");
}

function itemsOf({ account, faults, ahead: seconds, frozen, terms }) {
  const items = faults.map((rule) => ({
    key: rule.id, text: `${rule.script.map(faultText).join(", ")} on ${rule.on === "*" ? "every operation" : rule.on} · ${often(rule)}`,
    remove: () => read(ofAccount(account, `/faults/${rule.id}`), { method: "DELETE" }),
  }));
  if (frozen || Math.abs(seconds) >= 1) {
    items.push({ key: "clock", text: frozen ? "clock frozen" : `clock ${ahead(seconds)}`,
      remove: () => send("POST", ofAccount(account, "/reset"), { what: ["clock"] }) });
  }
  for (const [name, value] of Object.entries(terms)) {
    items.push({ key: name, text: name === "options" ? Object.entries(value).map((pair) => pair.join("=")).join(", ") : `${name} ${value}`,
      remove: () => send("PATCH", ofAccount(account, "/settings"), { [name]: null }) });
  }
  return items;
}

export function Armed({ armed, count }) {
  if (!armed.length) return null;
  return html`<section id="armed" aria-label="Armed"><h2>Armed</h2><ul>
    ${armed.flatMap((one) => itemsOf(one).map((item) => html`<li key=${`${one.account}/${item.key}`}>
      <a href=${breakPlace(one.account)}>${item.text}</a> <span class="soft">${one.label}</span>
      <button type="button" aria-label=${`Remove: ${item.text} of ${one.label}`} title="Remove"
        onClick=${() => item.remove().then(() => announce("Removed"), (problem) => announce(problem.message))}>×</button></li>`))}
    ${count > armed.length && html`<li class="soft">and on ${count - armed.length} more accounts</li>`}
  </ul></section>`;
}
