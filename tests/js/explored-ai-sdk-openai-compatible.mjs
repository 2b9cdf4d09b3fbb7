// A happy path of ai with @ai-sdk/openai-compatible: a picture is enlarged, and something comes back.
import assert from "node:assert/strict";
import fs from "node:fs";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateImage } from "ai";

const photo = fs.readFileSync(new URL("../../fixtures/images/astronaut.png", import.meta.url));
const lumenfall = { name: "lumenfall", baseURL: process.env.LUMENFALL_BASE_URL, apiKey: process.env.LUMENFALL_API_KEY };
const model = createOpenAICompatible(lumenfall).imageModel("ideogram-upscale");
const { image } = await generateImage({ model, prompt: { images: [photo], text: "" } });
assert.ok(image.uint8Array.length > 0);
