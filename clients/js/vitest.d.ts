import type { TestAPI } from "vitest";

import type { Account, Opening, Server } from "./index.js";

/** What tests are given. */
export interface Fixtures {
  /** How this test's account is opened; change it with `test.extend({ terms: { balance: 0 } })`. */
  terms: Opening;
  /** The server at FAUXSCALE_URL, or on port 2160 of this machine. */
  server: Server;
  /** An account of this test's own, deleted at its end. The calls of a test that fails are printed. */
  account: Account;
}

/** Vitest's `test` with the fixtures. */
export declare const test: TestAPI<Fixtures>;
