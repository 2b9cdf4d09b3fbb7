// Draw a picture of a prompt, then others of that one, with @aigne/ideogram: what it answers goes to stdout.
import { IdeogramImageModel } from "@aigne/ideogram";
import { readFileSync } from "node:fs";

const model = new IdeogramImageModel();
const drawn = await model.invoke({ prompt: "A red cat", seed: 7, aspectRatio: "16x9", renderingSpeed: "TURBO", n: 2 });
const data = readFileSync(process.argv[2]).toString("base64");
const remixed = await model.invoke({ prompt: "A blue cat", image: [{ type: "file", data, mimeType: "image/png" }] });
console.log(JSON.stringify({ drawn: drawn.images, remixed: remixed.images }));
