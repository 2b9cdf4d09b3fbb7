// @fal-ai/client 1: direct, queued, streamed and uploaded, and what the client makes of every refusal.

import fs from "node:fs";
import { createFalClient } from "@fal-ai/client";

const model = "fal-ai/ideogram/upscale";

function client(stand, credentials = stand.keys.fal) {
  const here = (_, site = "run") => stand.bases.fal.replace("run", site);
  const requestMiddleware = async (request) => ({
    ...request,
    url: request.url.replace(/^https:\/\/(?:(queue|rest)\.)?fal\.(?:run|ai)/, here),
  });
  return createFalClient({ credentials, requestMiddleware });
}

const blob = (stand) => new Blob([fs.readFileSync(stand.photo)], { type: "image/png" });
const inline = (stand) => `data:image/png;base64,${fs.readFileSync(stand.photo, "base64")}`;
const run = (stand, input, key) => client(stand, key).run(model, { input: { image_url: inline(stand), ...input } });

export const cases = {
  async "a blob is uploaded by itself"(stand) {
    const { data, requestId } = await client(stand).run(model, { input: { image_url: blob(stand), seed: 7 } });
    return { picture: await stand.fetched(data.images[0].url), seed: data.seed, id: requestId };
  },
  async "a data URI and back"(stand) {
    const { data } = await run(stand, { sync_mode: true });
    return { picture: stand.save(Buffer.from(data.images[0].url.split(",")[1], "base64")) };
  },
  "a file uploaded, then the queue": {
    terms: { options: { "fal.polls": 2 } },
    async play(stand) {
      const fal = client(stand);
      const url = await fal.storage.upload(new File([blob(stand)], "a photo.png", { type: "image/png" }));
      const states = [];
      const { data, requestId } = await fal.subscribe(model, {
        input: { image_url: url },
        logs: true,
        pollInterval: 20,
        onQueueUpdate: (update) => states.push(update.status),
      });
      return { picture: await stand.fetched(data.images[0].url), states, id: requestId, upload: url };
    },
  },
  async "a large file goes up in parts"(stand) {
    const size = 91 * 1024 * 1024;
    const url = await client(stand).storage.upload(new Blob([new Uint8Array(size)], { type: "image/png" }));
    const reply = await fetch(url, { method: "HEAD" });
    return { whole: Number(reply.headers.get("content-length")) === size };
  },
  async "the queue as a stream"(stand) {
    const { data } = await client(stand).subscribe(model, { input: { image_url: inline(stand) }, mode: "streaming" });
    return { picture: await stand.fetched(data.images[0].url) };
  },
  async "submit, status, result"(stand) {
    const { queue } = client(stand);
    const { request_id: requestId } = await queue.submit(model, { input: { image_url: inline(stand) } });
    const { status } = await queue.status(model, { requestId, logs: true });
    const { data } = await queue.result(model, { requestId });
    return { picture: await stand.fetched(data.images[0].url), status };
  },
  "a request cancelled": {
    terms: { options: { "fal.queue_seconds": 3600 } },
    async play(stand) {
      const { queue } = client(stand);
      const { request_id: requestId } = await queue.submit(model, { input: { image_url: inline(stand) } });
      await queue.cancel(model, { requestId });
      return (await queue.status(model, { requestId })).status;
    },
  },
  "an error in the queue": (stand) =>
    client(stand).subscribe(model, { input: { image_url: inline(stand), prompt: "fauxscale:unsafe" } }),
  async "the fields at fault"(stand) {
    try {
      await run(stand, { detail: 500, resemblance: 0 });
    } catch (error) {
      return error.getFieldErrors("detail").concat(error.getFieldErrors("resemblance"));
    }
  },
  "an unknown model": (stand) => client(stand).run("fal-ai/no-such-model", { input: {} }),
  "a wrong key": (stand) => run(stand, {}, "invalid-key"),
  "an empty wallet": { terms: { balance: 0 }, play: (stand) => run(stand, {}) },
};
for (const status of [400, 402, 403, 404, 422, 429, 500, 502, 503, 504]) {
  cases[`${status}`] = (stand) => run(stand, { prompt: `fauxscale:${status}` });
}
