// A client of Ideogram's POST /upscale in JavaScript without packages: node ideogram.mjs IMAGE OUTPUT [PROMPT …].
// Exits with 0 when OUTPUT holds the larger picture, else with 1 and without OUTPUT.

import fs from "node:fs";
import zlib from "node:zlib";

const [image, output, prompt, resemblance, detail, seed] = process.argv.slice(2);
const base = process.env.IDEOGRAM_BASE_URL;
const key = process.env.IDEOGRAM_API_KEY;
const PATIENCE = 60_000; // milliseconds
const TIMEOUT = 1_500;

class Failed extends Error {}
class Unread extends Failed {}

const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

/** Milliseconds a Retry-After asks for: seconds, or a date. */
function asked(hint) {
  if (!hint) return 10;
  const wait = Number.isFinite(Number(hint)) ? Number(hint) * 1000 : Date.parse(hint) - Date.now();
  return Number.isFinite(wait) ? Math.max(0, wait) + 5 : 10;
}

function form() {
  const request = {};
  if (prompt) request.prompt = prompt;
  for (const [name, value] of Object.entries({ resemblance, detail, seed })) if (value) request[name] = Number(value);
  const body = new FormData();
  body.append("image_request", JSON.stringify(request));
  body.append("image_file", new Blob([fs.readFileSync(image)]), "picture");
  return body;
}

async function upscaled() {
  for (let attempt = 1; ; attempt++) {
    // Not tried again without an answer: the work may have been done and paid for.
    const signal = AbortSignal.timeout(TIMEOUT);
    const reply = await fetch(`${base}/upscale`, { method: "POST", headers: { "Api-Key": key }, body: form(), signal });
    if (reply.ok) return result(await reply.json());
    const wait = asked(reply.headers.get("retry-after"));
    if (attempt === 4 || ![429, 503].includes(reply.status) || wait > PATIENCE) throw new Failed(`${reply.status}`);
    await pause(wait);
  }
}

function result(body) {
  const first = body?.data?.[0];
  const size = /^(\d+)x(\d+)$/.exec(first?.resolution);
  if (typeof first?.url !== "string" || !size) throw new Failed("the reply names no picture");
  return { url: first.url, width: 2 * size[1], height: 2 * size[2] };
}

async function read({ url, width, height }) {
  for (let attempt = 1; ; attempt++) {
    try {
      const reply = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT) });
      if (reply.status >= 500) throw new Unread(`the link says ${reply.status}`);
      if (!reply.ok) throw new Failed(`the link says ${reply.status}`);
      const data = Buffer.from(await reply.arrayBuffer());
      check(data, width, height);
      return data;
    } catch (error) {
      if (attempt === 3 || (error instanceof Failed && !(error instanceof Unread))) throw error;
    }
  }
}

/** A PNG of that size, every chunk of it whole. */
function check(data, width, height) {
  if (data.subarray(0, 8).toString("latin1") !== "\x89PNG\r\n\x1a\n") throw new Unread("no PNG");
  if (data.readUInt32BE(16) !== width || data.readUInt32BE(20) !== height) throw new Failed("not twice as large");
  const pixels = [];
  for (let at = 8, name = ""; name !== "IEND"; ) {
    if (at + 12 > data.length) throw new Unread("cut short");
    const end = at + 8 + data.readUInt32BE(at);
    name = data.toString("latin1", at + 4, at + 8);
    if (end + 4 > data.length || zlib.crc32(data.subarray(at + 4, end)) !== data.readUInt32BE(end)) throw new Unread("damaged");
    if (name === "IDAT") pixels.push(data.subarray(at + 8, end));
    at = end + 4;
  }
  zlib.inflateSync(Buffer.concat(pixels));
}

try {
  const data = await read(await upscaled());
  fs.writeFileSync(`${output}.part`, data);
  fs.renameSync(`${output}.part`, output);
} catch (error) {
  console.error(`${error.name}: ${error.message}`);
  process.exitCode = 1;
}
