// A happy path of ai with @ai-sdk/fal: a picture is enlarged, and something comes back.
import assert from "node:assert/strict";
import fs from "node:fs";
import { createFal } from "@ai-sdk/fal";
import { generateImage } from "ai";

const photo = fs.readFileSync(new URL("../../fixtures/images/astronaut.png", import.meta.url));
const model = createFal({ baseURL: process.env.FAL_RUN_URL }).image("fal-ai/ideogram/upscale");
const { image } = await generateImage({ model, prompt: { images: [photo], text: "" } });
assert.ok(image.uint8Array.length > 0);
