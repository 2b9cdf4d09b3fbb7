// The search: words, and conditions such as status:429, status:4xx, size:>1000, account:acct_1, -kind:download.
const TEXTS = {
  status: (call) => (call.status == null ? "cut" : String(call.status)),
  provider: (call) => call.provider,
  operation: (call) => call.operation,
  account: (call) => `${call.account} ${call.label}`,
  kind: (call) => call.kind,
  fault: (call) => call.faults.join(" "),
  rule: (call) => call.rule,
  method: (call) => call.method,
  path: (call) => call.path,
  reason: (call) => call.reason,
};
const NUMBERS = {
  status: (call) => call.status ?? 0,
  size: (call) => call.size,
  ms: (call) => call.ms,
  cost: (call) => call.cost / 1e6,
  width: (call) => (call.after ?? call.before ?? [0])[0],
  n: (call) => call.n,
};
export const NAMES = [...new Set([...Object.keys(TEXTS), ...Object.keys(NUMBERS)])].sort();

const words = new WeakMap();
function text(call) {
  if (!words.has(call)) words.set(call, Object.values(TEXTS).map((of) => of(call)).join(" ").toLowerCase());
  return words.get(call);
}

function condition(name, value) {
  const bound = /^(>=|<=|>|<)(\d+(?:\.\d+)?)$/.exec(value);
  if (bound && NUMBERS[name]) {
    const [of, least] = [NUMBERS[name], Number(bound[2])];
    return { ">": (call) => of(call) > least, "<": (call) => of(call) < least,
      ">=": (call) => of(call) >= least, "<=": (call) => of(call) <= least }[bound[1]];
  }
  if (name === "status" && /^[1-5]xx$/.test(value)) return (call) => TEXTS.status(call)[0] === value[0];
  if (NUMBERS[name] && !TEXTS[name]) return (call) => NUMBERS[name](call) === Number(value);
  return (call) => TEXTS[name](call).toLowerCase().includes(value);
}

// A function that tells whether a call is looked for; null where nothing is.
export function matcher(search) {
  const tests = search.toLowerCase().split(/\s+/).filter((word) => word && word !== "-").map((word) => {
    const not = word.startsWith("-") && word.length > 1;
    const said = not ? word.slice(1) : word;
    const [, name, value] = /^(\w+):(.+)$/.exec(said) ?? [];
    const test = name && (TEXTS[name] || NUMBERS[name]) ? condition(name, value) : (call) => text(call).includes(said);
    return not ? (call) => !test(call) : test;
  });
  return tests.length ? (call) => tests.every((test) => test(call)) : null;
}
