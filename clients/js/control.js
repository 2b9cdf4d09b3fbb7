// Makes calls of the control API.

/** The control API refused a call, or no server answered: the message says why. */
export class FauxscaleError extends Error {
  /**
   * @param {string} message
   * @param {number | null} status the status of the refusal, null where no server answered
   * @param {unknown} [cause]
   */
  constructor(message, status, cause) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "FauxscaleError";
    this.status = status;
  }
}

// Seconds a reply may take, beside those that a call asks to wait for.
const PATIENCE = 60;

/**
 * A function that makes calls to one server, by route: `control("GET /accounts/{id}", { path: { id } })`.
 *
 * @param {string} url
 * @param {string | undefined} token
 * @returns {import("./index.d.ts").Control}
 */
export function controlOf(url, token) {
  return async (route, ...[given]) => {
    const { path = {}, query = {}, body } = /** @type {any} */ (given ?? {});
    const [method, template] = route.split(" ");
    const filled = template.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(path[name]));
    const asked = Object.entries(query).filter(([, value]) => value !== undefined);
    const search = new URLSearchParams(asked.map(([name, value]) => [name, String(value)]));
    const reply = await sent(`${url}/__fauxscale/api${filled}${String(search) && `?${search}`}`, {
      method,
      headers: {
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...(token ? { authorization: `Bearer ${token}` } : {}),
      },
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: AbortSignal.timeout(1000 * (PATIENCE + Number(query.timeout ?? 0))),
    });
    if (!reply.ok) throw new FauxscaleError(`${method} ${filled}: ${reply.status} ${await reason(reply)}`, reply.status);
    const type = reply.headers.get("content-type") ?? "";
    if (type.startsWith("application/json")) return reply.json();
    if (type.startsWith("text/")) return reply.text();
    return new Uint8Array(await reply.arrayBuffer());
  };
}

/** @type {(url: string, init: RequestInit) => Promise<Response>} */
async function sent(url, init) {
  try {
    return await fetch(url, init);
  } catch (error) {
    const why = /** @type {any} */ (error);
    const said = why.cause?.message || why.cause?.code || why.message;
    throw new FauxscaleError(`no fauxscale answers at ${new URL(url).origin}: ${said}`, null, error);
  }
}

/** @type {(reply: Response) => Promise<string>} */
async function reason(reply) {
  const text = await reply.text();
  try {
    return JSON.parse(text).error ?? text;
  } catch {
    return text.slice(0, 200);
  }
}
