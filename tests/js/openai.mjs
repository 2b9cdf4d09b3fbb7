// openai 6 at the two gateways: the calls of their own pages, and what the client makes of every refusal.

import fs from "node:fs";
import OpenAI, { toFile } from "openai";

const edit = { model: "ideogram-upscale", prompt: "Add a starry night sky to this image", size: "1024x1024" };
const drawn = { model: "ideogram/ideogram-upscale", prompt: "a cyberpunk cat at sunset", size: "1024x1024" };

function client(stand, provider, settings = {}) {
  return new OpenAI({ baseURL: stand.bases[provider], apiKey: stand.keys[provider], maxRetries: 0, ...settings });
}

const bytes = (stand) => toFile(fs.readFileSync(stand.photo));
const inline = (stand) => `data:image/png;base64,${fs.readFileSync(stand.photo, "base64")}`;

async function edited(stand, provider, words, settings) {
  const image = await bytes(stand);
  return client(stand, provider, settings).images.edit({ ...edit, image, ...words });
}

export const cases = {
  async "a stream from disk at lumenfall"(stand) {
    const response = await client(stand, "lumenfall").images.edit({ ...edit, image: fs.createReadStream(stand.photo) });
    return { picture: await stand.fetched(response.data[0].url), revised: response.data[0].revised_prompt };
  },
  async "bytes at lumenfall, answered in base64"(stand) {
    const response = await edited(stand, "lumenfall", { response_format: "b64_json", scale_factor: 2 });
    return { picture: stand.save(Buffer.from(response.data[0].b64_json, "base64")), cost: response.metadata.cost };
  },
  async "a list of one at lumenfall"(stand) {
    const response = await edited(stand, "lumenfall", { image: [await bytes(stand)] });
    return { picture: await stand.fetched(response.data[0].url) };
  },
  async "an edit at aigateway"(stand) {
    const response = await edited(stand, "aigateway", { model: drawn.model });
    return { picture: await stand.fetched(response.data[0].url), id: response._request_id };
  },
  async "a picture named to generate at aigateway"(stand) {
    const response = await client(stand, "aigateway").images.generate({ ...drawn, image: inline(stand) });
    return { picture: await stand.fetched(response.data[0].url) };
  },
  async "the documented generate at aigateway"(stand) {
    const response = await client(stand, "aigateway").images.generate(drawn);
    return { picture: await stand.fetched(response.data[0].url) };
  },
  async "models by an id with a slash"(stand) {
    const model = await client(stand, "aigateway").models.retrieve(drawn.model);
    const listed = [];
    for await (const one of client(stand, "lumenfall").models.list()) listed.push(one.id);
    return { id: model.id, listed };
  },
  async "a client that reads its environment"(stand) {
    process.env.OPENAI_BASE_URL = stand.bases.aigateway;
    process.env.OPENAI_API_KEY = stand.keys.aigateway;
    return (await new OpenAI().models.list()).data[0].id;
  },
  async "a price asked beforehand"(stand) {
    const image = await bytes(stand);
    return client(stand, "lumenfall").images.edit({ ...edit, image }, { query: { dryRun: "true" } });
  },
  "an unknown model at lumenfall": (stand) => edited(stand, "lumenfall", { model: "no-such-model" }),
  "an unknown model at aigateway": (stand) => edited(stand, "aigateway", { model: "no-such-model" }),
  "a wrong key at lumenfall": (stand) => edited(stand, "lumenfall", {}, { apiKey: "invalid-key" }),
  "a wrong key at aigateway": (stand) => edited(stand, "aigateway", {}, { apiKey: "invalid-key" }),
  "an empty wallet at aigateway": {
    terms: { balance: 0 },
    play: (stand) => edited(stand, "aigateway", { model: drawn.model }),
  },
  "bytes are sent again": (stand) => edited(stand, "lumenfall", { prompt: "fauxscale:429" }, { maxRetries: 2 }),
  "json is sent again": (stand) =>
    client(stand, "aigateway", { maxRetries: 2 }).images.generate({ ...drawn, prompt: "fauxscale:503" }),
  "a stream is not sent again": (stand) => {
    const image = fs.createReadStream(stand.photo);
    return client(stand, "lumenfall", { maxRetries: 2 }).images.edit({ ...edit, image, prompt: "fauxscale:429" });
  },
  "a refusal is not sent again": (stand) =>
    edited(stand, "lumenfall", { prompt: "fauxscale:422" }, { maxRetries: 2 }),
};
for (const status of [400, 402, 403, 404, 422, 429, 500, 503]) {
  const prompt = `fauxscale:${status}`;
  cases[`${status} at lumenfall`] = (stand) => edited(stand, "lumenfall", { prompt });
  cases[`${status} at aigateway`] = (stand) => client(stand, "aigateway").images.generate({ ...drawn, prompt });
}
