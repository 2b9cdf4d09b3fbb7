// The types of the package. What the control API takes and answers is in api.d.ts.

import type {
  AccountState,
  AccountSummary,
  Call,
  Charge,
  Clock,
  Fault,
  Job,
  Link,
  Provider,
  Routes,
  Rule,
  Terms,
  Totals,
} from "./api.js";

export type * from "./api.js";

/** The control API refused a call (`status`), or no server answered (null). The message says why. */
export declare class FauxscaleError extends Error {
  constructor(message: string, status: number | null, cause?: unknown);
  readonly status: number | null;
}

/**
 * Connect to a running server: at `url`, or at FAUXSCALE_URL, which `fauxscale run` sets, or on port 2160 of this
 * machine. A server that listens beyond loopback requires its `token` (FAUXSCALE_TOKEN).
 */
export declare function connect(where?: { url?: string; token?: string }): Promise<Server>;

/**
 * Start a server on a free port; it stops with `stop()` or this process. `command` is the command for fauxscale,
 * such as `["uvx", "fauxscale"]`; `args` are further options of `fauxscale serve`.
 */
export declare function start(how?: {
  command?: readonly string[];
  args?: readonly string[];
  env?: Record<string, string>;
}): Promise<Server>;

/** Calls as text, one line each: the request, the result, and the reason for it. */
export declare function describeCalls(calls: readonly Call[]): string;

/** The built-in providers; an installed one has another name. */
export type ProviderName = "ideogram" | "aigateway" | "lumenfall" | "fal" | (string & {});

/** How an account is opened: its terms, its name in reports, and keys to use unchanged, by provider. */
export interface Opening extends Terms {
  label?: string;
  keys?: Record<string, string>;
}

/** When a fault applies. `on` is an operation, a provider or a pattern; `times` null means no limit. */
export type When = Omit<Routes["POST /accounts/{id}/faults/script"]["body"], "script">;

/** Filters for calls. `operation` may be a pattern: `fal.*`. */
export interface CallFilter extends Omit<Routes["GET /accounts/{id}/calls"]["query"], "status" | "wait" | "timeout"> {
  status?: number | string;
}

/** A time: Unix seconds, ISO 8601, or a Date. */
export type Time = number | string | Date;

/** The arguments of a route: the parts of `path`, `query` and `body` that it accepts. */
export type Given<R extends keyof Routes> = ({} extends Routes[R]["path"] ? {} : { path: Routes[R]["path"] }) & {
  query?: Routes[R]["query"];
} & (Routes[R]["body"] extends undefined ? {} : { body: Routes[R]["body"] });

/** Makes any call of the control API, by its route: `control("GET /accounts/{id}", { path: { id } })`. */
export type Control = <R extends keyof Routes>(
  route: R,
  ...given: {} extends Given<R> ? [Given<R>?] : [Given<R>]
) => Promise<Routes[R]["reply"]>;

/** A running server. */
export interface Server {
  /** Its origin, without a slash at the end. */
  readonly url: string;
  /** The providers by name: base path, variables that clients read, prices in micro-dollars, options. */
  readonly providers: Record<string, Provider>;
  readonly control: Control;
  /** Open an account with its own keys: one for each test. */
  account(opening?: Opening): Promise<Account>;
  /** List all open accounts. */
  accounts(): Promise<AccountSummary[]>;
  health(): Promise<Routes["GET /health"]["reply"]>;
  settings(): Promise<Record<string, unknown>>;
  /** This server's metrics since its start, in Prometheus text format. */
  metrics(): Promise<string>;
  /** The OpenAPI description of the control API. */
  description(): Promise<Record<string, unknown>>;
  /** Delete every account and all of its state. */
  reset(): Promise<void>;
  /** Stop a server that `start` started; one that `connect` found keeps running. */
  stop(): Promise<void>;
}

/** An account: its keys, wallet, faults, clock, calls and links. */
export interface Account {
  readonly id: string;
  /** API keys by provider. */
  readonly keys: Record<ProviderName, string>;
  /** The server's origin, without a slash at the end. */
  readonly url: string;
  /** The base URL for clients of that provider. */
  baseUrl(provider: ProviderName): string;
  /** The environment variables that point clients here: for these providers, or for all if none is given. */
  env(...providers: ProviderName[]): Record<string, string>;
  readonly faults: Faults;
  readonly clock: ClockControl;
  readonly calls: Calls;
  readonly ledger: Ledger;
  readonly links: Links;
  readonly jobs: Jobs;
  read(): Promise<AccountState>;
  /** The current terms. */
  settings(): Promise<Terms>;
  /** Change the given terms; null removes the override. */
  change(terms: Terms): Promise<Terms>;
  totals(): Promise<Totals>;
  /** Record that your own guard blocked a call to a real host. Returns the id of the call. */
  noteBlocked(call: Routes["POST /accounts/{id}/refusals"]["body"]): Promise<string>;
  /** Reset the given parts, or all if none is given. */
  reset(...what: NonNullable<Routes["POST /accounts/{id}/reset"]["body"]["what"]>): Promise<void>;
  /** Close the account: its keys and links stop working, its state is deleted. */
  delete(): Promise<Totals>;
}

/** Configures what goes wrong. */
export interface Faults {
  /** Apply a fault to the next call, or as `when` says. Returns an id to `remove`. */
  add(fault: Fault, when?: When): Promise<string>;
  /** Apply each of these to one call, in order; `{ fault: "Ok" }` lets a call succeed. */
  script(steps: readonly Fault[], when?: When): Promise<string>;
  /** List every rule in the order in which they were added. */
  list(): Promise<Rule[]>;
  /** What went wrong so far, as a script that reproduces it. */
  export(): Promise<Fault[]>;
  remove(fault: string): Promise<void>;
  clear(): Promise<void>;
}

/** The account's time: links, rate windows, Retry-After, jobs and webhooks follow it at once. */
export interface ClockControl {
  read(): Promise<Clock>;
  /** Move the clock forward by the sum of these. */
  advance(by: { days?: number; hours?: number; minutes?: number; seconds?: number }): Promise<Clock>;
  /** Freeze the clock at the time `at`, or at its current time. */
  freeze(at?: Time): Promise<Clock>;
  set(at: Time): Promise<Clock>;
  unfreeze(): Promise<Clock>;
}

/** The calls of an account, oldest first, including downloads, which have the kind "download". */
export interface Calls {
  list(filter?: CallFilter): Promise<Call[]>;
  /** Wait until `count` calls match and return them; AssertionError after `seconds` (5). */
  wait(count?: number, filter?: CallFilter, seconds?: number): Promise<Call[]>;
  read(call: string): Promise<Call>;
  /** The picture that a call sent, byte for byte. */
  upload(call: string): Promise<Uint8Array>;
  /** A result of a call as its link shows it; `number` counts from 0. */
  result(call: string, number?: number): Promise<Uint8Array>;
}

/** The account's money, in micro-dollars. */
export interface Ledger {
  /** The wallet and every charge. Equal fingerprints are the same work, charged again. */
  read(): Promise<{ charges: Charge[]; spent: number; balance: number | null }>;
  /** AssertionError unless something was charged, and nothing was charged twice. Refunds count. */
  assertBilledOnce(): Promise<void>;
}

/** The links to results. Without a link (an address or an id), a method applies to all. */
export interface Links {
  list(): Promise<Link[]>;
  /** Expire a link now. */
  expire(link?: string): Promise<Link[]>;
  /** Sign a link again for `seconds` (3600) from now. The reply has the new addresses. */
  renew(link?: string, seconds?: number): Promise<Link[]>;
  /** Purge the picture behind a link: downloads return 404. */
  purge(link?: string): Promise<Link[]>;
}

/** Queued work. */
export interface Jobs {
  list(): Promise<Job[]>;
  /** Move a job to its next stage: queued, running, done. */
  advance(job: string): Promise<Job>;
  finish(job: string): Promise<Job>;
  /** Fail a job now, with `status` (that of `code`, else 500), `message` and the provider's own `code`. */
  fail(job: string, how?: Routes["POST /accounts/{id}/jobs/{job}/fail"]["body"]): Promise<Job>;
  /** Keep a job in its current stage until it is advanced, finished or failed. */
  stall(job: string): Promise<Job>;
}
