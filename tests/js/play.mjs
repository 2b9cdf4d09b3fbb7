// Plays every case of one file at once, each with an account of its own, and prints what came of it as JSON:
//
//     node play.mjs ./openai.mjs '{"url": "http://127.0.0.1:2160", "providers": {...}, "photo": "a.png", "out": "results"}'
//
// `url` and `providers` are as in the ready line of `fauxscale serve --json`. A case is `async (stand) => value`, or
// `{terms, play}` where the account needs terms. An error is told by its class and members, with it what
// the account asked for and paid (micro-dollars), as the server saw it.

import fs from "node:fs";
import path from "node:path";

const [file, words] = process.argv.slice(2);
const { url, providers, photo, out } = JSON.parse(words);
const { cases } = await import(file);

async function control(path, body) {
  const sent = body && { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
  return (await fetch(`${url}/__fauxscale/api${path}`, sent)).json();
}

function told(error) {
  const { status, statusCode, code, type, message, requestID, requestId, body, reason } = error;
  const members = { status: status ?? statusCode, code, type, message, id: requestID || requestId, body, reason };
  return { class: error.constructor.name, ...members };
}

async function playOne([name, one]) {
  const { terms = {}, play = one } = one;
  const { id, keys } = await control("/accounts", { terms });
  const stand = {
    photo,
    keys,
    bases: providers,
    save(bytes) {
      const target = path.join(out, `${name.replaceAll(/\W/g, "-")}.png`);
      fs.writeFileSync(target, bytes);
      return target;
    },
    async fetched(link) {
      const reply = await fetch(link);
      if (!reply.ok) throw new Error(`${link} answered ${reply.status}`);
      return this.save(Buffer.from(await reply.arrayBuffer()));
    },
  };
  const result = {};
  try {
    result.value = await play(stand);
  } catch (error) {
    result.error = told(error);
  }
  const { calls } = await control(`/accounts/${id}/calls`);
  const { micros } = await control(`/accounts/${id}/totals`);
  return [name, { ...result, micros, asked: calls.map((call) => call.operation) }];
}

const played = await Promise.all(Object.entries(cases).map(playOne));
console.log(JSON.stringify(Object.fromEntries(played)));
