// What the keyboard and the search can do.
import { NAMES } from "./filter.js";
import { html, useEffect, useRef } from "./parts.js";

const KEYS = [["j k ↓ ↑", "next and previous call"], ["Home End", "newest and oldest call"], ["Enter", "open the call"], ["Esc", "back to the list"],
  ["/", "search"], ["b", "break it"], ["m", "money"], ["?", "this help"]];
const EXAMPLES = [["status:429", "or status:4xx, status:cut"], ["provider:fal", ""], ["size:>1000", "bytes; also ms:, cost:, width:"],
  ["account:acct_1", "its id or label"], ["-kind:download", "all except these"], ["cat 400", "words in any field"]];

export function Help({ open, onClose }) {
  const dialog = useRef(null);
  useEffect(() => { if (open) dialog.current.showModal(); else dialog.current.close(); }, [open]);
  return html`<dialog id="help" ref=${dialog} onClose=${onClose} aria-labelledby="help-title">
    <h2 id="help-title">Keys and search</h2>
    <div class="columns">
      <table><caption>Keys</caption><tbody>${KEYS.map(([keys, what]) => html`<tr><th scope="row">${keys.split(" ").map((key) => html`<kbd>${key}</kbd> `)}</th><td>${what}</td></tr>`)}</tbody></table>
      <table><caption>Search</caption><tbody>${EXAMPLES.map(([words, what]) => html`<tr><th scope="row"><code>${words}</code></th><td>${what}</td></tr>`)}</tbody></table>
    </div>
    <p class="soft">Conditions: ${NAMES.join(", ")}.</p>
    <form method="dialog"><button class="primary">Close</button></form>
  </dialog>`;
}
