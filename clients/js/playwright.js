// Fixtures for Playwright's test runner: an account for each test.

import { test as base } from "@playwright/test";

import { connect, describeCalls } from "./index.js";

export { expect } from "@playwright/test";

export const test = base.extend({
  terms: [{}, { option: true }],
  server: [async ({}, use) => use(await connect()), { scope: "worker" }],
  account: async ({ server, terms }, use, testInfo) => {
    const account = await server.account({ label: testInfo.titlePath.join(" > "), ...terms });
    await use(account);
    if (testInfo.status !== testInfo.expectedStatus) {
      await testInfo.attach("fauxscale calls", { body: describeCalls(await account.calls.list()), contentType: "text/plain" });
    }
    await account.delete();
  },
});
