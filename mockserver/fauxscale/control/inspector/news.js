// What the page knows, kept up to date by the stream of events.
import { events, hasToken, Locked, read } from "./ask.js";
import { keyOf, useEffect, useState } from "./parts.js";

const MOST_ROWS = 10_000;
const HIDDEN_SECONDS = 20; // a browser opens six connections to a server: a page that nobody sees gives its own back

export class News {
  constructor() {
    this.state = {
      rows: [], oldest: null, total: 0, spent: 0, version: "", anyKey: true, armed: [], armedAccounts: 0,
      live: "waiting", changed: { accounts: null, tick: 0 }, wrongToken: false,
    };
    this.listeners = new Set();
    this.known = new Set();
    this.visible = null;
  }

  set(changes) {
    this.state = { ...this.state, ...changes };
    for (const listener of this.listeners) listener(this.state);
  }

  // Follows the stream until the page is closed, and asks for it again where it ends.
  async follow() {
    for (let pause = 300; ; pause = Math.min(pause * 2, 5000)) {
      try {
        const stop = new AbortController();
        const unwatch = this.stopWhenHidden(stop);
        try {
          for await (const told of events(stop.signal)) {
            this.take(told);
            pause = 300;
          }
        } finally { unwatch(); }
        this.set({ live: "waiting" });
      } catch (problem) {
        if (problem instanceof Locked) return this.set({ live: "locked", wrongToken: hasToken() });
        if (problem.name !== "AbortError") this.set({ live: "lost" });
      }
      if (document.hidden) await this.seen(); else await new Promise((done) => setTimeout(done, pause));
    }
  }

  stopWhenHidden(stop) {
    let timer = null;
    const look = () => {
      clearTimeout(timer);
      if (document.hidden) timer = setTimeout(() => stop.abort(), HIDDEN_SECONDS * 1000);
    };
    document.addEventListener("visibilitychange", look);
    look();
    return () => { clearTimeout(timer); document.removeEventListener("visibilitychange", look); };
  }

  seen() {
    return new Promise((done) => {
      const look = () => {
        if (document.hidden) return;
        document.removeEventListener("visibilitychange", look);
        done();
      };
      document.addEventListener("visibilitychange", look);
      look();
    });
  }

  take(told) {
    const { total, spent, armed } = told;
    const changes = {
      total, spent, armed, armedAccounts: told.armed_accounts, live: "live",
      changed: { accounts: told.accounts, tick: this.state.changed.tick + 1 },
    };
    if (told.fresh) {
      this.known = new Set(told.calls.map(keyOf));
      Object.assign(changes, { rows: byStart(told.calls), oldest: told.oldest, version: told.version, anyKey: told.any_key });
    } else if (told.calls.length) {
      const rows = byStart([...this.newOnes(told.calls), ...this.state.rows]);
      if (rows.length > MOST_ROWS) {
        for (const row of rows.splice(MOST_ROWS)) this.known.delete(keyOf(row));
        changes.oldest = Math.min(...rows.slice(-50).map((row) => row.ended));
      }
      changes.rows = rows;
    }
    this.set(changes);
  }

  newOnes(rows) {
    const found = rows.filter((row) => !this.known.has(keyOf(row)));
    for (const row of found) this.known.add(keyOf(row));
    return found;
  }

  // Reads the calls before those that are shown; whether there were any.
  async older() {
    const { oldest, rows } = this.state;
    if (oldest == null || this.reading || rows.length >= MOST_ROWS) return false;
    this.reading = true;
    try {
      const told = await read(`inspector/calls?before=${oldest}`);
      if (this.state.oldest !== oldest) return false; // all was told anew meanwhile
      this.set({ rows: byStart([...this.state.rows, ...this.newOnes(told.calls)]), oldest: told.oldest });
      return told.calls.length > 0;
    } catch { return false; } finally { this.reading = false; }
  }
}

function byStart(rows) { return rows.sort((one, other) => other.started - one.started); }

export function useNews(news) {
  const [state, setState] = useState(news.state);
  useEffect(() => {
    news.listeners.add(setState);
    setState(news.state);
    return () => news.listeners.delete(setState);
  }, [news]);
  return state;
}

// A number that grows whenever something happens on an account.
export function useChanges(state, account) {
  const [tick, setTick] = useState(0);
  const { accounts, tick: at } = state.changed;
  useEffect(() => {
    if (accounts == null || accounts.includes(account)) setTick(at);
  }, [at, account]);
  return tick;
}

// What a function reads of the server: read anew when one of `when` changes, shown as it was until then.
export function useRead(load, when) {
  const [found, setFound] = useState({ value: null, problem: "" });
  useEffect(() => {
    let wanted = true;
    load().then((value) => wanted && setFound({ value, problem: "" }),
      (problem) => wanted && setFound({ value: null, problem: problem.message || "the server is not responding" }));
    return () => { wanted = false; };
  }, when);
  return found;
}
