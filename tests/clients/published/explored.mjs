// A happy path of @aigne/ideogram: a picture is drawn, and something comes back.
import assert from "node:assert/strict";
import { IdeogramImageModel } from "@aigne/ideogram";

const { images } = await new IdeogramImageModel().invoke({ prompt: "A red cat", seed: 7 });
assert.equal(images.length, 1);
