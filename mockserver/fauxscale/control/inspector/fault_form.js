// The form for a fault, made from the control API's own description: every kind there is, with its members.
import { send, ofAccount } from "./ask.js";
import { announce, faultText, html, useState } from "./parts.js";

// The kinds by name, in the order of the description.
export function kindsOf(description) {
  const schemas = description.components.schemas;
  return schemas.Fault.oneOf.map(({ $ref }) => {
    const name = $ref.split("/").pop();
    const { fault, ...members } = schemas[name].properties;
    return { name: fault.const, about: schemas[name].description, appliesTo: schemas[name]["x-applies-to"],
      required: schemas[name].required, members };
  });
}

const typesOf = (schema) => [schema.type ?? []].flat();
const isNumber = (schema) => typesOf(schema).some((type) => type === "integer" || type === "number");

// The value that a field's text stands for; undefined where nothing was given.
function valueOf(schema, text) {
  if (text === undefined || text === "") return undefined;
  if (typesOf(schema).includes("boolean")) return text;
  if (schema.enum) return text;
  if (isNumber(schema)) return Number(text);
  if (typesOf(schema).includes("string")) return text;
  return JSON.parse(text);
}

function Field({ name, schema, required, value, onChange }) {
  const id = `fault-${name}`;
  const usual = schema.default;
  if (typesOf(schema).includes("boolean")) {
    return html`<label class="check"><input type="checkbox" name=${name} checked=${value ?? usual}
      onChange=${(event) => onChange(event.target.checked)} /> ${name}</label>`;
  }
  if (schema.enum) {
    return html`<label for=${id}>${name}<select id=${id} name=${name} value=${value ?? usual} onChange=${(event) => onChange(event.target.value)}>
      ${schema.enum.map((one) => html`<option value=${one} selected=${one === (value ?? usual)}>${one}</option>`)}</select></label>`;
  }
  const placeholder = usual == null || usual === "" ? (required ? "" : "none") : JSON.stringify(usual);
  return html`<label for=${id}>${name}<input id=${id} name=${name} value=${value ?? ""} placeholder=${placeholder} required=${required}
    type=${isNumber(schema) ? "number" : "text"} step="any" onInput=${(event) => onChange(event.target.value)} /></label>`;
}

export function FaultForm({ account, description, operations, operation }) {
  const kinds = kindsOf(description);
  const [chosen, setChosen] = useState("Fail");
  const [values, setValues] = useState({ status: "429" });
  const [on, setOn] = useState(operation || "*");
  const [often, setOften] = useState({ times: "1", after: "0" });
  const [problem, setProblem] = useState("");
  const kind = kinds.find((one) => one.name === chosen) ?? kinds[0];

  const arm = async (event) => {
    event.preventDefault();
    setProblem("");
    try {
      const members = {};
      for (const [name, schema] of Object.entries(kind.members)) {
        const value = valueOf(schema, values[name]);
        if (value !== undefined && JSON.stringify(value) !== JSON.stringify(schema.default)) members[name] = value;
      }
      const fault = { fault: kind.name, ...members };
      await send("POST", ofAccount(account, "/faults"), {
        ...fault, on, times: often.times === "" ? null : Number(often.times), after: Number(often.after || 0),
      });
      announce(`Armed: ${faultText(fault)}`);
    } catch (refused) { setProblem(refused instanceof SyntaxError ? `not JSON: ${refused.message}` : refused.message); }
  };
  const groups = [["api", "Calls and replies"], ["download", "Reads of links"]];
  return html`<form id="arm" class="fields" onSubmit=${arm}>
    <label for="kind">fault<select id="kind" value=${kind.name} onChange=${(event) => { setChosen(event.target.value); setValues({}); }}>
      ${groups.map(([what, label]) => html`<optgroup label=${label}>${kinds.filter((one) => one.appliesTo === what).map((one) =>
        html`<option value=${one.name} selected=${one.name === kind.name}>${one.name}</option>`)}</optgroup>`)}</select></label>
    ${Object.entries(kind.members).map(([name, schema]) => html`<${Field} key=${`${kind.name}.${name}`} name=${name} schema=${schema}
      required=${kind.required.includes(name)} value=${values[name]} onChange=${(value) => setValues({ ...values, [name]: value })} />`)}
    <p class="soft wide">${kind.about.replaceAll("`", "")}</p>
    <label for="on">on<select id="on" value=${on} onChange=${(event) => setOn(event.target.value)}>
      ${operations.map((one) => html`<option value=${one} selected=${one === on}>${one === "*" ? "every operation" : one}</option>`)}</select></label>
    <label for="times">next calls<input id="times" type="number" min="1" step="1" value=${often.times} placeholder="unlimited"
      onInput=${(event) => setOften({ ...often, times: event.target.value })} /></label>
    <label for="after">after<input id="after" type="number" min="0" step="1" value=${often.after}
      onInput=${(event) => setOften({ ...often, after: event.target.value })} /></label>
    <button type="submit" class="primary">Arm</button>
    ${problem && html`<p class="reason wide" role="alert">${problem}</p>`}
  </form>`;
}
