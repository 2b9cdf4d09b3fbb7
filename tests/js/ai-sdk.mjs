// ai 6 with @ai-sdk/fal and @ai-sdk/openai-compatible: generateImage, with a picture and without one.

import fs from "node:fs";
import { createFal } from "@ai-sdk/fal";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateImage } from "ai";

globalThis.AI_SDK_LOG_WARNINGS = false;

function model(stand, provider, apiKey = stand.keys[provider]) {
  const baseURL = stand.bases[provider];
  if (provider === "fal") return createFal({ baseURL, apiKey }).image("fal-ai/ideogram/upscale");
  const name = provider === "lumenfall" ? "ideogram-upscale" : "ideogram/ideogram-upscale";
  return createOpenAICompatible({ name: provider, baseURL, apiKey }).imageModel(name);
}

async function enlarged(stand, provider, text = "sharper", settings = {}) {
  const prompt = { images: [fs.readFileSync(stand.photo)], text };
  return generateImage({ model: model(stand, provider), prompt, maxRetries: 0, ...settings });
}

export const cases = {
  async "a prompt alone at aigateway"(stand) {
    const { image } = await generateImage({ model: model(stand, "aigateway"), prompt: "a cat", size: "1024x1024" });
    return { picture: stand.save(image.uint8Array) };
  },
  "a call is sent again": (stand) => enlarged(stand, "aigateway", "fauxscale:429", { maxRetries: 2 }),
  "an empty result is asked for, and paid, again": (stand) =>
    enlarged(stand, "fal", "fauxscale:unsafe-200", { maxRetries: 1 }),
  "a refusal is not sent again": (stand) => enlarged(stand, "fal", "fauxscale:422", { maxRetries: 2 }),
};
for (const provider of ["aigateway", "lumenfall", "fal"]) {
  cases[`a picture at ${provider}`] = async (stand) => {
    const { image } = await enlarged(stand, provider);
    return { picture: stand.save(image.uint8Array), type: image.mediaType };
  };
  cases[`a wrong key at ${provider}`] = (stand) =>
    enlarged(stand, provider, "sharper", { model: model(stand, provider, "invalid-key") });
  for (const status of [400, 402, 404, 422, 429, 500, 503]) {
    cases[`${status} at ${provider}`] = (stand) => enlarged(stand, provider, `fauxscale:${status}`);
  }
}
