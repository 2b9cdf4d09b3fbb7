// Asks the control API, with the token where one was given.
const TOKEN = "fauxscale-token";

export class Locked extends Error {}
export class Refused extends Error {}

export const hasToken = () => Boolean(sessionStorage.getItem(TOKEN));
export const setToken = (token) => sessionStorage.setItem(TOKEN, token);

export async function ask(path, { headers = {}, ...rest } = {}) {
  const token = sessionStorage.getItem(TOKEN);
  const reply = await fetch(`api/${path}`, {
    ...rest, headers: token ? { ...headers, authorization: `Bearer ${token}` } : headers,
  });
  if (reply.status === 401) throw new Locked();
  return reply;
}

// JSON of a path, or what the API says is wrong.
export async function read(path, rest) {
  const reply = await ask(path, rest);
  if (reply.ok) return reply.json();
  let said;
  try { said = (await reply.json()).error; } catch { /* no JSON: the status has to do */ }
  throw new Refused(said || `the server answered ${reply.status}`);
}

export const send = (method, path, body) => read(path, { method, body: JSON.stringify(body ?? {}) });
export const ofAccount = (account, path = "") => `accounts/${encodeURIComponent(account)}${path}`;

// The address of a picture as an object URL; null where there is none.
export async function picture(account, n, side) {
  const reply = await ask(`inspector/pictures/${encodeURIComponent(account)}/${n}/${side}`);
  return reply.ok ? URL.createObjectURL(await reply.blob()) : null;
}

// Server-sent events. EventSource can send no token, so they are read from a fetch.
export async function* events(signal) {
  const reply = await ask("inspector/events", { signal });
  if (!reply.ok) throw new Refused(`the server answered ${reply.status}`);
  const reader = reply.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  while (true) {
    const { done, value } = await reader.read();
    if (done) return;
    const parts = (text + value).split("\n\n");
    text = parts.pop();
    for (const part of parts) if (part.startsWith("data: ")) yield JSON.parse(part.slice(6));
  }
}
