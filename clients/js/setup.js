// A server for a whole run of Vitest or Playwright: `globalSetup: "fauxscale/setup"`.

import { start } from "./index.js";

/** @type {typeof import("./setup.d.ts").default} */
export default async function setup() {
  if (process.env.FAUXSCALE_URL) return async () => {};
  const command = process.env.FAUXSCALE_COMMAND?.split(" ");
  const server = await start(command ? { command } : {});
  process.env.FAUXSCALE_URL = server.url;
  return async () => {
    delete process.env.FAUXSCALE_URL;
    await server.stop();
  };
}
