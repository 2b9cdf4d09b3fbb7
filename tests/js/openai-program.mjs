// The shortest program around openai's JavaScript client: node openai-program.mjs MODEL IMAGE OUTPUT.

import fs from "node:fs";
import OpenAI, { toFile } from "openai";

const [model, image, output] = process.argv.slice(2);
const reply = await new OpenAI().images.edit({ model, image: await toFile(fs.readFileSync(image)), prompt: "sharper" });
const picture = await fetch(reply.data[0].url);
fs.writeFileSync(output, Buffer.from(await picture.arrayBuffer()));
