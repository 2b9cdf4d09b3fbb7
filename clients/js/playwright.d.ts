import type {
  PlaywrightTestArgs,
  PlaywrightTestOptions,
  PlaywrightWorkerArgs,
  PlaywrightWorkerOptions,
  TestType,
} from "@playwright/test";

import type { Account, Opening, Server } from "./index.js";

export { expect } from "@playwright/test";

/** What tests are given. */
export interface Fixtures {
  /** How this test's account is opened; change it with `test.use({ terms: { balance: 0 } })`. */
  terms: Opening;
  /** An account of this test's own, deleted at its end. The calls of a test that fails are attached to its report. */
  account: Account;
}

/** What a worker has. */
export interface WorkerFixtures {
  /** The server at FAUXSCALE_URL, or on port 2160 of this machine. */
  server: Server;
}

/** Playwright's `test` with the fixtures. */
export declare const test: TestType<
  PlaywrightTestArgs & PlaywrightTestOptions & Fixtures,
  PlaywrightWorkerArgs & PlaywrightWorkerOptions & WorkerFixtures
>;
