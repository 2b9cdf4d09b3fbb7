// The shortest program around @fal-ai/client: node fal-program.mjs IMAGE OUTPUT.

import fs from "node:fs";
import { createFalClient } from "@fal-ai/client";

const [image, output] = process.argv.slice(2);
const sites = { undefined: process.env.FAL_RUN_URL, queue: process.env.FAL_QUEUE_URL, rest: process.env.FAL_REST_URL };
const fal = createFalClient({
  credentials: process.env.FAL_KEY,
  // The client has no other way to be pointed elsewhere.
  requestMiddleware: async (request) => ({
    ...request,
    url: request.url.replace(/^https:\/\/(?:(queue|rest)\.)?fal\.(?:run|ai)/, (_, site) => sites[site]),
  }),
});
const image_url = new Blob([fs.readFileSync(image)], { type: "image/png" });
const { data } = await fal.subscribe("fal-ai/ideogram/upscale", { input: { image_url } });
const picture = await fetch(data.images[0].url);
fs.writeFileSync(output, Buffer.from(await picture.arrayBuffer()));
