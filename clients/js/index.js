// The servers and accounts of fauxscale, for tests in JavaScript.

import { AssertionError } from "node:assert";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

import { FauxscaleError, controlOf } from "./control.js";

export { FauxscaleError } from "./control.js";

const LOCAL = "http://127.0.0.1:2160";

/** @type {typeof import("./index.d.ts").connect} */
export async function connect({ url, token = process.env.FAUXSCALE_TOKEN } = {}) {
  const named = url ?? process.env.FAUXSCALE_URL;
  const origin = (named ?? LOCAL).replace(/\/+$/, "");
  try {
    return await serverAt(origin, token, async () => {});
  } catch (error) {
    if (!(error instanceof FauxscaleError) || error.status !== null) throw error;
    const unset = named ? "" : " (FAUXSCALE_URL is not set)";
    const advice = "run the tests with `fauxscale run -- npm test`, or start a server with `fauxscale serve`";
    throw new FauxscaleError(`${error.message}${unset}; ${advice}`, null, error.cause);
  }
}

/** @type {typeof import("./index.d.ts").start} */
export async function start({ command = ["fauxscale"], args = [], env = {} } = {}) {
  const [program, ...words] = [...command, "serve", "--port", "0", "--json", "--quiet", ...args];
  const child = spawn(program, words, { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, ...env } });
  const told = /** @type {string[]} */ ([]);
  child.stderr.setEncoding("utf8").on("data", (text) => {
    told.push(text);
    process.stderr.write(text);
  });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  const kill = () => child.kill();
  process.once("exit", kill); // a run that forgets stop() leaves no server behind
  const stop = async () => {
    process.off("exit", kill);
    child.ref();
    if (child.exitCode === null && child.signalCode === null && child.kill()) await ended;
  };
  try {
    const line = await Promise.race([
      once(createInterface({ input: child.stdout }), "line").then(([text]) => text),
      once(child, "exit").then(([status]) => {
        throw new FauxscaleError(`${program} ended with status ${status}: ${told.join("").trim()}`, null);
      }),
    ]);
    const ready = JSON.parse(line);
    const server = await serverAt(ready.url, ready.control_token ?? undefined, stop);
    child.unref();
    /** @type {any} */ (child.stdout).unref();
    /** @type {any} */ (child.stderr).unref();
    return server;
  } catch (error) {
    await stop();
    if (/** @type {any} */ (error).code !== "ENOENT") throw error;
    const advice = '`pip install fauxscale`, or start({ command: ["uvx", "fauxscale"] })';
    throw new FauxscaleError(`command not found: ${program}: ${advice}`, null, error);
  }
}

/** @type {(url: string, token: string | undefined, stop: () => Promise<void>) => Promise<import("./index.d.ts").Server>} */
async function serverAt(url, token, stop) {
  const control = controlOf(url, token);
  const { providers } = await control("GET /providers");
  return {
    url,
    providers,
    control,
    account: async ({ label, keys, ...terms } = {}) => {
      const made = await control("POST /accounts", { body: { terms, label, keys } });
      return accountOf(control, url, providers, made);
    },
    accounts: async () => (await control("GET /accounts")).accounts,
    health: () => control("GET /health"),
    settings: () => control("GET /settings"),
    metrics: () => control("GET /metrics"),
    description: () => control("GET /openapi.json"),
    reset: async () => void (await control("POST /reset")),
    stop,
  };
}

/**
 * @param {import("./index.d.ts").Control} control
 * @param {string} url
 * @param {Record<string, import("./api.d.ts").Provider>} providers
 * @param {{ id: string, keys: Record<string, string> }} made
 * @returns {import("./index.d.ts").Account}
 */
function accountOf(control, url, providers, { id, keys }) {
  const path = { id };
  /** @type {(name: string) => import("./api.d.ts").Provider} */
  const provider = (name) => {
    if (!(name in providers)) throw new FauxscaleError(`no provider '${name}': choose from ${Object.keys(providers).join(", ")}`, null);
    return providers[name];
  };
  /** @type {import("./index.d.ts").Account["baseUrl"]} */
  const baseUrl = (name) => url + provider(name).base;
  return {
    id,
    keys,
    url,
    baseUrl,
    env: (...names) => {
      /** @type {Record<string, string>} */
      const variables = {};
      for (const name of names.length ? names : Object.keys(providers)) {
        const { env, tls_env } = provider(name);
        const values = { base_url: baseUrl(name), url, host: new URL(url).host, key: keys[name] };
        for (const [variable, template] of Object.entries({ ...env, ...(url.startsWith("https:") ? tls_env : {}) })) {
          variables[variable] = template.replace(/\{(base_url|url|host|key)\}/g, (_, word) => /** @type {any} */ (values)[word]);
        }
      }
      return variables;
    },
    faults: {
      add: async (fault, when = {}) => (await control("POST /accounts/{id}/faults", { path, body: { ...fault, ...when } })).id,
      script: async (steps, when = {}) =>
        (await control("POST /accounts/{id}/faults/script", { path, body: { script: [...steps], ...when } })).id,
      list: async () => (await control("GET /accounts/{id}/faults", { path })).faults,
      export: async () => (await control("GET /accounts/{id}/faults/export", { path })).script,
      remove: async (fault) => void (await control("DELETE /accounts/{id}/faults/{fault}", { path: { id, fault } })),
      clear: async () => void (await control("DELETE /accounts/{id}/faults", { path })),
    },
    clock: {
      read: () => control("GET /accounts/{id}/clock", { path }),
      advance: (by) => control("POST /accounts/{id}/clock/advance", { path, body: by }),
      freeze: (at) => control("POST /accounts/{id}/clock/freeze", { path, body: at === undefined ? {} : { at: time(at) } }),
      set: (at) => control("POST /accounts/{id}/clock/set", { path, body: { at: time(at) } }),
      unfreeze: () => control("POST /accounts/{id}/clock/unfreeze", { path }),
    },
    calls: callsOf(control, id),
    ledger: {
      read: () => control("GET /accounts/{id}/ledger", { path }),
      assertBilledOnce: async () => billedOnce((await control("GET /accounts/{id}/ledger", { path })).charges),
    },
    links: {
      list: async () => (await control("GET /accounts/{id}/links", { path })).links,
      expire: async (link) => (await control("POST /accounts/{id}/links/expire", { path, body: { link } })).links,
      renew: async (link, seconds) =>
        (await control("POST /accounts/{id}/links/renew", { path, body: { link, seconds } })).links,
      purge: async (link) => (await control("POST /accounts/{id}/links/purge", { path, body: { link } })).links,
    },
    jobs: {
      list: async () => (await control("GET /accounts/{id}/jobs", { path })).jobs,
      advance: (job) => control("POST /accounts/{id}/jobs/{job}/advance", { path: { id, job } }),
      finish: (job) => control("POST /accounts/{id}/jobs/{job}/finish", { path: { id, job } }),
      fail: (job, how = {}) => control("POST /accounts/{id}/jobs/{job}/fail", { path: { id, job }, body: how }),
      stall: (job) => control("POST /accounts/{id}/jobs/{job}/stall", { path: { id, job } }),
    },
    read: () => control("GET /accounts/{id}", { path }),
    settings: () => control("GET /accounts/{id}/settings", { path }),
    change: (terms) => control("PATCH /accounts/{id}/settings", { path, body: terms }),
    totals: () => control("GET /accounts/{id}/totals", { path }),
    noteBlocked: async (call) => (await control("POST /accounts/{id}/refusals", { path, body: call })).id,
    reset: async (...what) => void (await control("POST /accounts/{id}/reset", { path, body: what.length ? { what } : {} })),
    delete: () => control("DELETE /accounts/{id}", { path }),
  };
}

/** @type {(control: import("./index.d.ts").Control, id: string) => import("./index.d.ts").Calls} */
function callsOf(control, id) {
  /** @type {import("./index.d.ts").Calls["list"]} */
  const list = async (filter = {}) => (await control("GET /accounts/{id}/calls", { path: { id }, query: asked(filter) })).calls;
  return {
    list,
    wait: async (count = 1, filter = {}, seconds = 5) => {
      const query = { ...asked(filter), wait: count, timeout: seconds };
      const { calls, enough } = await control("GET /accounts/{id}/calls", { path: { id }, query });
      if (enough) return calls;
      const message = `${calls.length} of ${count} calls came within ${seconds} s${matching(filter)}:\n${describeCalls(await list())}`;
      throw new AssertionError({ message, actual: calls.length, expected: count, operator: "calls.wait" });
    },
    read: (call) => control("GET /accounts/{id}/calls/{call}", { path: { id, call } }),
    upload: (call) => control("GET /accounts/{id}/calls/{call}/upload", { path: { id, call } }),
    result: (call, number = 0) =>
      control("GET /accounts/{id}/calls/{call}/results/{number}", { path: { id, call, number: String(number) } }),
  };
}

/** @type {(filter: import("./index.d.ts").CallFilter) => import("./api.d.ts").Routes["GET /accounts/{id}/calls"]["query"]} */
const asked = ({ status, ...filter }) => (status === undefined ? filter : { ...filter, status: String(status) });

/** @type {(filter: import("./index.d.ts").CallFilter) => string} */
const matching = (filter) => (Object.keys(filter).length ? ` with ${JSON.stringify(filter)}` : "");

/** @type {(at: number | string | Date) => number | string} */
const time = (at) => (at instanceof Date ? at.toISOString() : at);

/** @type {typeof import("./index.d.ts").describeCalls} */
export function describeCalls(calls) {
  const lines = calls.map((call) => {
    const said = [call.id, call.operation, call.status === null ? "no reply" : String(call.status)];
    if (call.status !== null && !call.arrived) said.push("did not arrive");
    if (call.image) said.push(`${call.image.format} ${call.image.width}x${call.image.height}`);
    said.push(...call.faults.map((fault) => `fault ${fault}`));
    if (call.cost) said.push(dollars(call.cost));
    return `  ${said.join(" ")}${call.reason && `: ${call.reason}`}`;
  });
  return lines.join("\n") || "  no calls";
}

/** @type {(micros: number) => string} */
const dollars = (micros) => `$${(micros / 1_000_000).toFixed(2)}`;

/** @type {(charges: readonly import("./api.d.ts").Charge[]) => void} */
function billedOnce(charges) {
  const returned = new Set(charges.map((charge) => charge.refunds));
  /** @type {Map<string, import("./api.d.ts").Charge[]>} */
  const work = new Map();
  for (const charge of charges) {
    if (charge.refunds !== null || returned.has(charge.id)) continue;
    work.set(charge.fingerprint, [...(work.get(charge.fingerprint) ?? []), charge]);
  }
  const twice = [...work.values()].filter((same) => same.length > 1);
  if (work.size && !twice.length) return;
  const lines = twice.map((same) => {
    const calls = same.map((charge) => `${charge.call} (${dollars(charge.micros)})`).join(", ");
    return `${same[0].operation} was billed ${same.length} times for the same picture and parameters: ${calls}`;
  });
  const message = lines.join("\n") || "nothing was billed: no call of this account completed work that costs money";
  const most = Math.max(0, ...[...work.values()].map((same) => same.length));
  throw new AssertionError({ message, actual: most, expected: 1, operator: "assertBilledOnce" });
}
