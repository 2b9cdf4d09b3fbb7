// Before and after: a slider with its seam on the picture, the difference, and what became of alpha, profile and turn.
import { picture, read } from "./ask.js";
import { bytes, html, useEffect, useState } from "./parts.js";

const ZOOMS = [["Fit", 0], ["1:1", 1], ["2:1", 2], ["4:1", 4]];

export function Compare({ call }) {
  const [seen, setSeen] = useState(null);
  const [mode, setMode] = useState("slider");
  const [zoom, setZoom] = useState(0);
  const path = `inspector/calls/${encodeURIComponent(call.account)}/${call.n}/pictures`;
  useEffect(() => {
    let wanted = true;
    let urls = [];
    setSeen(null);
    const load = async () => {
      const [before, after] = await Promise.all(["before", "after"].map((side) => picture(call.account, call.n, side)));
      urls = [before, after];
      const facts = before || after ? await read(path) : {};
      if (wanted) setSeen({ before, after, facts }); else urls.forEach((url) => url && URL.revokeObjectURL(url));
    };
    load().catch(() => wanted && setSeen({ before: null, after: null, facts: {} }));
    return () => { wanted = false; urls.forEach((url) => url && URL.revokeObjectURL(url)); };
  }, [call.account, call.n]);

  if (!seen) return html`<p class="soft">Loading the pictures …</p>`;
  const { before, after, facts } = seen;
  if (!before && !after) return html`<p class="soft">The pictures are no longer available.</p>`;
  if (!before || !after) {
    return html`<h3>${after ? "Result" : "Sent"}</h3>
      <div class="stage"><div class="pair"><img src=${after ?? before} alt=${after ? "result" : "picture sent"} /></div></div>
      <${Facts} facts=${facts} />`;
  }
  return html`<h3>Before / after</h3>
    <div class="bar">
      <div role="group" aria-label="View">${[["slider", "Slider"], ["difference", "Difference"]].map(([name, label]) =>
        html`<button type="button" class="small" aria-pressed=${String(mode === name)} onClick=${() => setMode(name)}>${label}</button>`)}</div>
      <div role="group" aria-label="Zoom">${ZOOMS.map(([label, scale]) =>
        html`<button type="button" class="small" aria-pressed=${String(zoom === scale)} onClick=${() => setZoom(scale)}>${label}</button>`)}</div>
    </div>
    <${Pair} before=${before} after=${after} mode=${mode} zoom=${zoom} />
    <${Facts} facts=${facts} />`;
}

function Pair({ before, after, mode, zoom }) {
  const [cut, setCut] = useState(50);
  const [natural, setNatural] = useState(0);
  const width = zoom && natural ? { width: `${natural * zoom}px`, maxWidth: "none", maxHeight: "none" } : {};
  const slider = mode === "slider";
  return html`<div class="stage" tabindex=${zoom ? 0 : null} aria-label=${zoom ? "Enlarged pictures; scroll to move" : null} role=${zoom ? "group" : null}>
    <div class="pair ${zoom > 1 ? "crisp" : ""}">
      <img src=${after} alt="after" style=${width} onLoad=${(event) => setNatural(event.target.naturalWidth)} />
      <img src=${before} alt="before" class=${slider ? "over" : "over difference"}
        style=${{ clipPath: slider ? `inset(0 ${100 - cut}% 0 0)` : "none" }} />
      ${slider && html`
        <span class="label left" aria-hidden="true">before</span><span class="label right" aria-hidden="true">after</span>
        <span class="seam" style=${{ left: `${cut}%` }} aria-hidden="true"></span>
        <input type="range" min="0" max="100" step="any" value=${cut} aria-label="Before and after: how much of the picture shows before"
          aria-valuetext=${`${Math.round(cut)} % before`} onInput=${(event) => setCut(Number(event.target.value))}
          onKeyDown=${(event) => {
            const step = { ArrowLeft: -2, ArrowRight: 2, PageDown: -10, PageUp: 10 }[event.key];
            if (step) { event.preventDefault(); setCut((value) => Math.max(0, Math.min(100, value + step))); }
          }} />`}
    </div>
  </div>`;
}

function Facts({ facts }) {
  const { before, after } = facts;
  if (!before && !after) return null;
  const size = (one) => (one ? `${one.width}×${one.height}` : "—");
  const lines = [
    ["size", size(before), size(after), verdictOnSize(before, after)],
    ["format", before?.format, after?.format, ""],
    ["bytes", before && bytes(before.bytes), after && bytes(after.bytes), ""],
    ["alpha", said(before?.has_alpha), said(after?.has_alpha), kept(before, after, "has_alpha")],
    ["colour profile", said(before?.has_profile), said(after?.has_profile), kept(before, after, "has_profile")],
    ["rotation", turn(before), turn(after), before?.orientation > 1 && after?.orientation === 1 ? "applied" : ""],
  ];
  return html`<table class="facts"><caption class="hidden">What the result kept and lost</caption>
    <thead><tr><th scope="col"></th><th scope="col">before</th><th scope="col">after</th><th scope="col"></th></tr></thead>
    <tbody>${lines.map(([name, one, other, verdict]) => html`<tr><th scope="row">${name}</th><td>${one ?? "—"}</td><td>${other ?? "—"}</td>
      <td class=${verdict === "lost" ? "bad" : "good"}>${verdict}</td></tr>`)}</tbody></table>`;
}

const said = (value) => (value == null ? null : value ? "yes" : "no");
const turn = (one) => (one ? (one.orientation > 1 ? `EXIF ${one.orientation}` : "none") : null);

function kept(before, after, member) {
  if (!before || !after || !before[member]) return "";
  return after[member] ? "kept" : "lost";
}

function verdictOnSize(before, after) {
  if (!before || !after) return "";
  const scale = after.width / before.width;
  return after.height / before.height === scale ? `exactly ${scale}×` : "";
}
