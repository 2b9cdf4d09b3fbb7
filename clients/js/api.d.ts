// Written by `make types` from the control API's description; not to be changed by hand.

export interface Terms {
  balance?: number | null;
  rate_limit?: number | null;
  in_flight?: number | null;
  link_ttl?: number | null;
  latency?: number | null;
  time?: "real" | "virtual" | null;
  options?: Record<string, string | number | boolean | null> | null;
}

/** A fault: the name of its kind, and its members. */
export type Fault = Ok | Fail | Delay | Hang | EmptyResponse | ConnectionReset | MalformedChunk | SlowDrip | LoseReply | Expire | Purge | Redirect | Truncate | CorruptChunk | HtmlWith200 | WrongFormat | WrongContentLength | Stall | UnsafeImage | Body | EmptyData | NullUrl | ForgedUrl | MissingField | ExtraFields | SameSize | Smaller | SwappedResults | UrlInsteadOfBase64 | DuplicateWebhook | LateWebhook | SwapWebhooks;

export interface ErrorReply {
  error: string;
}

export interface Clock {
  now: number;
  iso: string;
  frozen: boolean;
}

export interface Job {
  id: string;
  operation: string;
  call: string;
  made: number;
  stage: "queued" | "running" | "done" | "cancelled";
  since: number;
  error: Record<string, unknown> | null;
}

export interface Link {
  id: string;
  operation: string;
  charge: string;
  width: number;
  height: number;
  exp: number;
  alive: boolean;
  url: string;
}

export interface Rule {
  id: string;
  script: Fault[];
  /** Default: "*". */
  on: string;
  /** Default: 1. */
  times: number | null;
  /** Default: 0. */
  after: number;
  probability: number | null;
  applied: number;
  left: number | null;
}

export interface Charge {
  id: string;
  at: number;
  operation: string;
  micros: number;
  images: number;
  call: string;
  sources: string[];
  params_digest: string;
  product: string;
  refunds: string | null;
  fingerprint: string;
}

export interface Totals {
  calls: number;
  refused: number;
  images: number;
  micros: number;
}

/** One request and its reply, as recorded in the journal. */
export interface Call {
  n: number;
  id: string;
  kind: "api" | "download";
  /** The account's clock, Unix seconds. */
  at: number;
  /** Seconds by which that clock was ahead of real time. */
  ahead: number;
  /** Seconds on the server's own clock, which only goes forward. */
  started: number;
  ended: number;
  provider: string;
  api_version: string;
  operation: string;
  method: string;
  path: string;
  key: string;
  /** null if the connection was cut without a reply. */
  status: number | null;
  /** Whether the client received the whole reply. */
  arrived: boolean;
  /** The kinds of fault that applied. */
  faults: string[];
  /** The same with all their members. */
  configured: Fault[];
  /** Why the call was refused, as a stable name; empty when it was not. */
  rule: string;
  /** The reason in words. */
  reason: string;
  params: Record<string, unknown>;
  /** The members of a JSON body. */
  sent: string[];
  image: Picture | null;
  refused_file: Record<string, unknown> | null;
  /** Each part of a multipart body. */
  parts: Record<string, unknown>[];
  /** The links issued or read. */
  results: Record<string, unknown>[];
  /** Micro-dollars. */
  cost: number;
  charge: string;
  /** Seconds that the client was told to wait. */
  retry_after: number | null;
  /** Pairs of name and value, in the order sent; secrets are masked. */
  request_headers: [string, string][];
  /** Pairs of name and value, in the order sent; secrets are masked. */
  reply_headers: [string, string][];
  reply: string;
}

/** The picture a call sent; width and height in pixels as a viewer shows it. */
export interface Picture {
  format: string;
  width: number;
  height: number;
  bytes: number;
  mode: string;
  orientation: number;
  has_alpha: boolean;
  animated?: boolean;
  source?: string;
}

/** An open account. */
export interface AccountSummary {
  id: string;
  label: string;
  made: number;
  /** Shortened, by provider. */
  keys: Record<string, string>;
}

/** An open account, its terms in force, its time and its totals. */
export interface AccountState {
  id: string;
  label: string;
  made: number;
  /** Shortened, by provider. */
  keys: Record<string, string>;
  settings: Terms;
  now: number;
  totals: Totals;
}

/** A provider option: its choices, and the reason for them. */
export interface Option {
  default: string | number | boolean;
  choices: (string | number | boolean)[];
  why: string;
  verified: boolean;
}

/** An imitated service: base path, templates of the variables that clients read, prices of its operations in micro-dollars. */
export interface Provider {
  base: string;
  env: Record<string, string>;
  tls_env: Record<string, string>;
  parameters: string[];
  operations: Record<string, number>;
  options: Record<string, Option>;
}

/** Let one call succeed, as a step of a script; with `download`, one download. */
export interface Ok {
  fault: "Ok";
  /** Default: false. */
  download?: boolean;
}

/** Reply with an error of this status, in the provider's own format. `retry_after` in seconds. */
export interface Fail {
  fault: "Fail";
  status: number;
  /** Default: null. */
  retry_after?: number | null;
  /** Default: null. */
  message?: string | null;
  /** Default: null. */
  code?: string | null;
  /** Default: "seconds". */
  form?: "seconds" | "date";
  /** Default: false. */
  download?: boolean;
}

/** Delay the reply by this many real seconds; with `sigma`, lognormally spread around that median. */
export interface Delay {
  fault: "Delay";
  seconds: number;
  /** Default: 0.0. */
  sigma?: number;
  /** Default: false. */
  download?: boolean;
}

/** Never answer: the connection stays open until the client gives up. No work is done. */
export interface Hang {
  fault: "Hang";
  /** Default: false. */
  download?: boolean;
}

/** Close the connection without a byte. No work is done. */
export interface EmptyResponse {
  fault: "EmptyResponse";
  /** Default: false. */
  download?: boolean;
}

/** Reset the connection after `after_bytes` of the request body, or all of it if null. No work is done. */
export interface ConnectionReset {
  fault: "ConnectionReset";
  /** Default: null. */
  after_bytes?: number | null;
  /** Default: false. */
  download?: boolean;
}

/** Send status 200, then garbage where the first chunk of the body should be, and close. No work is done. */
export interface MalformedChunk {
  fault: "MalformedChunk";
  /** Default: false. */
  download?: boolean;
}

/** Send the reply's body in `pieces`, spread over this many real seconds. */
export interface SlowDrip {
  fault: "SlowDrip";
  /** Default: 5.0. */
  seconds?: number;
  /** Default: 10. */
  pieces?: number;
  /** Default: false. */
  download?: boolean;
}

/** Do the work and charge for it, then lose the reply: reset, close, or never send it. */
export interface LoseReply {
  fault: "LoseReply";
  /** Default: "reset". */
  how?: "reset" | "close" | "hang";
  /** Default: null. */
  at?: number | null;
  /** Default: false. */
  download?: boolean;
}

/** Expire the link early, at this download; it stays expired. */
export interface Expire {
  fault: "Expire";
}

/** Purge the picture at this download; it stays deleted. */
export interface Purge {
  fault: "Purge";
}

/** Redirect the download (302) `to` an address, or to the link itself if it is empty: a loop, if `times` is null. */
export interface Redirect {
  fault: "Redirect";
  /** Default: "". */
  to?: string;
}

/** Cut the connection after `at` bytes of the picture: close it, or with `reset` reset it. */
export interface Truncate {
  fault: "Truncate";
  /** Default: 1024. */
  at?: number;
  /** Default: false. */
  reset?: boolean;
}

/** Send the right number of bytes, but some of them wrong: a PNG whose pixel data fails its checksum. */
export interface CorruptChunk {
  fault: "CorruptChunk";
}

/** Send an HTML page instead of the picture, with status 200. */
export interface HtmlWith200 {
  fault: "HtmlWith200";
}

/** Send a complete picture in a format that differs from the Content-Type and the link's file name. */
export interface WrongFormat {
  fault: "WrongFormat";
}

/** Send a Content-Length that is wrong `by` so many bytes: too many, a short read; too few, a picture cut short. */
export interface WrongContentLength {
  fault: "WrongContentLength";
  /** Default: 1. */
  by?: number;
}

/** Send `at` bytes of the picture, then nothing more until the client gives up. */
export interface Stall {
  fault: "Stall";
  /** Default: 1024. */
  at?: number;
}

/** Treat the picture as unsafe: an error (`refuse`), or a 200 without a link that flags it as unsafe. */
export interface UnsafeImage {
  fault: "UnsafeImage";
  /** Default: false. */
  refuse?: boolean;
  /** Default: null. */
  only?: number | null;
}

/** Reply 200 with this body, after the work is done and charged: `json`, or `text` with `media_type`. */
export interface Body {
  fault: "Body";
  /** Default: null. */
  json?: unknown;
  /** Default: null. */
  text?: string | null;
  /** Default: "application/json". */
  media_type?: string;
  /** Default: false. */
  download?: boolean;
}

/** Reply 200 with an empty list of results. */
export interface EmptyData {
  fault: "EmptyData";
}

/** Reply 200 with null for every result's link, or its base64. */
export interface NullUrl {
  fault: "NullUrl";
}

/** Reply 200 with one character changed in every signed link, so that it does not verify. */
export interface ForgedUrl {
  fault: "ForgedUrl";
}

/** Leave out one member of the reply, by its JSON Pointer (RFC 6901): `/data/0/url`. */
export interface MissingField {
  fault: "MissingField";
  pointer: string;
}

/** Add undocumented members to the object at `pointer`, "" for the whole reply; existing ones stay. */
export interface ExtraFields {
  fault: "ExtraFields";
  /** Default: {"added_in_a_later_version": true}. */
  fields?: Record<string, unknown>;
  /** Default: "". */
  pointer?: string;
}

/** Make the link lead to the picture in its original size; the reply says that it was enlarged. */
export interface SameSize {
  fault: "SameSize";
}

/** Make the link lead to a picture of half the original size; the reply says that it was enlarged. */
export interface Smaller {
  fault: "Smaller";
}

/** Make the link lead to the result of the account's next upload, else the previous one, else to another picture. */
export interface SwappedResults {
  fault: "SwappedResults";
}

/** Send a link although the call requested base64. */
export interface UrlInsteadOfBase64 {
  fault: "UrlInsteadOfBase64";
}

/** Send the webhook of this job `copies` times (at most 100), whatever the receiver replies. */
export interface DuplicateWebhook {
  fault: "DuplicateWebhook";
  /** Default: 2. */
  copies?: number;
}

/** Delay the webhook of this job by this many seconds of the account's clock. */
export interface LateWebhook {
  fault: "LateWebhook";
  seconds: number;
}

/** Hold the webhook of this job until the next one has been sent, so they arrive out of order. */
export interface SwapWebhooks {
  fault: "SwapWebhooks";
}

/** What each route takes and answers, by its method and path below `/__fauxscale/api`. */
export interface Routes {
  /** Return 200 when the server is ready; until then the connection waits. */
  "GET /health": {
    path: {};
    query: {};
    body: undefined;
    reply: {
      status: "ok";
      version: string;
    };
  };
  /** List the providers: base paths, templates of the variables that clients read, operations with prices, options. */
  "GET /providers": {
    path: {};
    query: {};
    body: undefined;
    reply: {
      providers: Record<string, Provider>;
    };
  };
  /** Read the server's settings, without keys and token. */
  "GET /settings": {
    path: {};
    query: {};
    body: undefined;
    reply: Record<string, unknown>;
  };
  /** Delete every account and all of its state. */
  "POST /reset": {
    path: {};
    query: {};
    body: undefined;
    reply: {
      reset: string[];
    };
  };
  /** Read this worker's metrics since its start, in Prometheus text format. */
  "GET /metrics": {
    path: {};
    query: {};
    body: undefined;
    reply: string;
  };
  /** Read the OpenAPI description of this API. */
  "GET /openapi.json": {
    path: {};
    query: {};
    body: undefined;
    reply: Record<string, unknown>;
  };
  /** Open an account with its own keys; those given in `keys`, by provider, are used unchanged. */
  "POST /accounts": {
    path: {};
    query: {};
    body: {
      terms?: Terms;
      label?: string;
      keys?: Record<string, string>;
    };
    reply: {
      id: string;
      keys: Record<string, string>;
    };
  };
  /** List all open accounts. */
  "GET /accounts": {
    path: {};
    query: {};
    body: undefined;
    reply: {
      accounts: AccountSummary[];
    };
  };
  /** Read one account: its label and shortened keys, its terms in force, its time, its totals. */
  "GET /accounts/{id}": {
    path: {
      id: string;
    };
    query: {};
    body: undefined;
    reply: AccountState;
  };
  /** Close an account and return its totals, which cannot be read afterwards. */
  "DELETE /accounts/{id}": {
    path: {
      id: string;
    };
    query: {};
    body: undefined;
    reply: Totals;
  };
  /** Reset the parts of the account named in `what`; all of them if it is missing. */
  "POST /accounts/{id}/reset": {
    path: {
      id: string;
    };
    query: {};
    body: {
      what?: ("calls" | "clock" | "faults" | "jobs" | "ledger" | "limits" | "links" | "seed")[];
    };
    reply: {
      reset: string[];
    };
  };
  /** Read the current terms: the account's own, or the server's where it has none. */
  "GET /accounts/{id}/settings": {
    path: {
      id: string;
    };
    query: {};
    body: undefined;
    reply: Terms;
  };
  /** Change the named terms and options; null removes the override. A new balance counts from now on. */
  "PATCH /accounts/{id}/settings": {
    path: {
      id: string;
    };
    query: {};
    body: Terms;
    reply: Terms;
  };
  /** Read the account's totals since it was opened: calls, refused calls, images, micro-dollars. */
  "GET /accounts/{id}/totals": {
    path: {
      id: string;
    };
    query: {};
    body: undefined;
    reply: Totals;
  };
  /** Record that a guard stopped a call of this account's test on its way to a real host. */
  "POST /accounts/{id}/refusals": {
    path: {
      id: string;
    };
    query: {};
    body: {
      host?: string;
      reason?: string;
      provider?: string;
    };
    reply: {
      id: string;
    };
  };
  /** List the calls that match every filter of the query, oldest first; with `wait`, once so many match. */
  "GET /accounts/{id}/calls": {
    path: {
      id: string;
    };
    query: {
      kind?: "api" | "download";
      provider?: string;
      operation?: string;
      status?: string;
      fault?: string;
      rule?: string;
      wait?: number;
      timeout?: number;
    };
    body: undefined;
    reply: {
      calls: Call[];
      enough: boolean;
    };
  };
  /** Read one call with everything recorded about it. */
  "GET /accounts/{id}/calls/{call}": {
    path: {
      id: string;
      call: string;
    };
    query: {};
    body: undefined;
    reply: Call;
  };
  /** Read the picture that a call sent, byte for byte. */
  "GET /accounts/{id}/calls/{call}/upload": {
    path: {
      id: string;
      call: string;
    };
    query: {};
    body: undefined;
    reply: Uint8Array;
  };
  /** Read a result of a call as its link shows it; `number` counts from 0. */
  "GET /accounts/{id}/calls/{call}/results/{number}": {
    path: {
      id: string;
      call: string;
      number: string;
    };
    query: {};
    body: undefined;
    reply: Uint8Array;
  };
  /** Configure one fault: its kind, its members, and when it applies. */
  "POST /accounts/{id}/faults": {
    path: {
      id: string;
    };
    query: {};
    body: Fault & {
      /** Default: "*". */
      on?: string;
      /** Default: 1. */
      times?: number | null;
      /** Default: 0. */
      after?: number;
      probability?: number | null;
    };
    reply: {
      id: string;
    };
  };
  /** List every rule, oldest first. `applied` counts; `left` is null for rules without a limit. */
  "GET /accounts/{id}/faults": {
    path: {
      id: string;
    };
    query: {};
    body: undefined;
    reply: {
      faults: Rule[];
    };
  };
  /** Remove all fault rules. */
  "DELETE /accounts/{id}/faults": {
    path: {
      id: string;
    };
    query: {};
    body: undefined;
    reply: {
      reset: string[];
    };
  };
  /** Configure faults for the next calls, one each, in the order given. */
  "POST /accounts/{id}/faults/script": {
    path: {
      id: string;
    };
    query: {};
    body: {
      script: Fault[];
      /** Default: "*". */
      on?: string;
      /** Default: 1. */
      times?: number | null;
      /** Default: 0. */
      after?: number;
      probability?: number | null;
    };
    reply: {
      id: string;
    };
  };
  /** Export what went wrong in this account's calls so far, as a script that reproduces it. */
  "GET /accounts/{id}/faults/export": {
    path: {
      id: string;
    };
    query: {};
    body: undefined;
    reply: {
      script: Fault[];
    };
  };
  /** Remove one fault rule. */
  "DELETE /accounts/{id}/faults/{fault}": {
    path: {
      id: string;
      fault: string;
    };
    query: {};
    body: undefined;
    reply: {
      removed: string;
    };
  };
  /** Read the account's time, and whether its clock is frozen. */
  "GET /accounts/{id}/clock": {
    path: {
      id: string;
    };
    query: {};
    body: undefined;
    reply: Clock;
  };
  /** Move the clock forward by the sum of days, hours, minutes and seconds. */
  "POST /accounts/{id}/clock/advance": {
    path: {
      id: string;
    };
    query: {};
    body: {
      days?: number;
      hours?: number;
      minutes?: number;
      seconds?: number;
    };
    reply: Clock;
  };
  /** Freeze the clock at the time `at`, or at its current time. */
  "POST /accounts/{id}/clock/freeze": {
    path: {
      id: string;
    };
    query: {};
    body: {
      at?: number | string | null;
    };
    reply: Clock;
  };
  /** Set the clock to `at`; a frozen clock stays frozen. */
  "POST /accounts/{id}/clock/set": {
    path: {
      id: string;
    };
    query: {};
    body: {
      at: number | string;
    };
    reply: Clock;
  };
  /** Let the clock run again from its current time. */
  "POST /accounts/{id}/clock/unfreeze": {
    path: {
      id: string;
    };
    query: {};
    body: undefined;
    reply: Clock;
  };
  /** Read the wallet and every charge, in micro-dollars. Equal fingerprints are the same work, charged again. */
  "GET /accounts/{id}/ledger": {
    path: {
      id: string;
    };
    query: {};
    body: undefined;
    reply: {
      charges: Charge[];
      spent: number;
      balance: number | null;
    };
  };
  /** List every job, oldest first. */
  "GET /accounts/{id}/jobs": {
    path: {
      id: string;
    };
    query: {};
    body: undefined;
    reply: {
      jobs: Job[];
    };
  };
  /** Move a job to its next stage now: queued, running, done. */
  "POST /accounts/{id}/jobs/{job}/advance": {
    path: {
      id: string;
      job: string;
    };
    query: {};
    body: undefined;
    reply: Job;
  };
  /** Finish a job now. */
  "POST /accounts/{id}/jobs/{job}/finish": {
    path: {
      id: string;
      job: string;
    };
    query: {};
    body: undefined;
    reply: Job;
  };
  /** Fail a job now, with `status` (that of `code`, else 500), `message` and the provider's own `code`. */
  "POST /accounts/{id}/jobs/{job}/fail": {
    path: {
      id: string;
      job: string;
    };
    query: {};
    body: {
      status?: number;
      message?: string;
      code?: string;
    };
    reply: Job;
  };
  /** Keep a job in its current stage until it is advanced, finished or failed. */
  "POST /accounts/{id}/jobs/{job}/stall": {
    path: {
      id: string;
      job: string;
    };
    query: {};
    body: undefined;
    reply: Job;
  };
  /** List every link to a result, oldest first. */
  "GET /accounts/{id}/links": {
    path: {
      id: string;
    };
    query: {};
    body: undefined;
    reply: {
      links: Link[];
    };
  };
  /** Expire `link` (an address or an id) now, or every link if none is named. */
  "POST /accounts/{id}/links/expire": {
    path: {
      id: string;
    };
    query: {};
    body: {
      link?: string;
    };
    reply: {
      links: Link[];
    };
  };
  /** Sign `link`, or every link, again for `seconds` (3600) from now. The reply has the new addresses. */
  "POST /accounts/{id}/links/renew": {
    path: {
      id: string;
    };
    query: {};
    body: {
      link?: string;
      /** Default: 3600. */
      seconds?: number;
    };
    reply: {
      links: Link[];
    };
  };
  /** Purge the picture behind `link`, or behind every link: downloads return 404. */
  "POST /accounts/{id}/links/purge": {
    path: {
      id: string;
    };
    query: {};
    body: {
      link?: string;
    };
    reply: {
      links: Link[];
    };
  };
}
