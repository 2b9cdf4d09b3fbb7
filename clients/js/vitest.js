// Fixtures for Vitest: an account for each test.

import { test as base } from "vitest";

import { connect, describeCalls } from "./index.js";

export const test = base.extend({
  terms: {},
  server: [async ({}, use) => use(await connect()), { scope: "file" }],
  account: async ({ server, terms, task, onTestFailed }, use) => {
    const account = await server.account({ label: named(task), ...terms });
    let calls = /** @type {import("./api.d.ts").Call[]} */ ([]);
    onTestFailed(() => console.error(`calls of ${account.id}:\n${describeCalls(calls)}`));
    await use(account);
    calls = await account.calls.list();
    await account.delete();
  },
});

/** @type {(task: import("vitest").RunnerTestCase) => string} */
function named(task) {
  const names = [task.name];
  for (let suite = task.suite; suite; suite = suite.suite) if (suite.name) names.unshift(suite.name);
  return [task.file.name, ...names.filter((name) => name !== task.file.name)].join(" > ");
}
