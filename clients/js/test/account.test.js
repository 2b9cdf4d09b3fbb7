// The package against a running server: `fauxscale run -- npm test`.

import assert from "node:assert/strict";
import fs from "node:fs";
import test from "node:test";

import { FauxscaleError, connect, describeCalls, start } from "fauxscale";

const PHOTO = new Blob([fs.readFileSync(new URL("../../../fixtures/images/astronaut.png", import.meta.url))]);
const server = await connect();

async function opened(t, opening) {
  const account = await server.account({ label: t.name, ...opening });
  t.after(() => account.delete().catch(() => {}));
  return account;
}

async function upscale(account) {
  const body = new FormData();
  body.append("image_file", PHOTO, "photo.png");
  body.append("image_request", "{}");
  const headers = { "Api-Key": account.keys.ideogram };
  const reply = await fetch(`${account.baseUrl("ideogram")}/upscale`, { method: "POST", headers, body });
  return { status: reply.status, retryAfter: reply.headers.get("retry-after"), ...(await reply.json()) };
}

test("an account has keys, base URLs and the variables that clients read", async (t) => {
  const account = await opened(t, { keys: { ideogram: "my own key" } });
  assert.equal(account.keys.ideogram, "my own key");
  assert.equal(account.baseUrl("fal"), `${server.url}/fal/run`);
  assert.deepEqual(account.env("ideogram"), {
    IDEOGRAM_BASE_URL: `${server.url}/ideogram`,
    IDEOGRAM_API_KEY: "my own key",
  });
  assert.equal(account.env().FAL_QUEUE_URL, `${server.url}/fal/queue`);
  assert.throws(() => account.baseUrl("ideogramm"), /no provider 'ideogramm': choose from ideogram, aigateway/);
});

test("an account is listed, read, changed, reset and deleted", async (t) => {
  const account = await opened(t, { balance: 1, label: "mine" });
  assert.ok((await server.accounts()).some((one) => one.id === account.id && one.label === "mine"));
  assert.equal((await account.change({ latency: 0.01 })).latency, 0.01);
  assert.equal((await account.settings()).balance, 1);
  assert.equal((await account.read()).settings.latency, 0.01);
  await upscale(account);
  await account.reset("calls");
  assert.deepEqual(await account.calls.list(), []);
  assert.equal((await account.delete()).images, 1);
  await assert.rejects(account.read(), (error) => error instanceof FauxscaleError && error.status === 404);
});

test("a fault is added, listed, applied, exported and removed", async (t) => {
  const account = await opened(t);
  const id = await account.faults.add(
    { fault: "Fail", status: 429, retry_after: 2 },
    { on: "ideogram.upscale", times: 2 },
  );
  const [rule] = await account.faults.list();
  assert.deepEqual([rule.id, rule.times, rule.script], [id, 2, [{ fault: "Fail", status: 429, retry_after: 2 }]]);
  const { status, retryAfter } = await upscale(account);
  assert.deepEqual([status, retryAfter], [429, "2"]);
  assert.equal((await account.faults.export())[0].fault, "Fail");
  await account.faults.remove(id);
  assert.equal((await upscale(account)).status, 200);
});

test("a script applies to one call each, and is cleared", async (t) => {
  const account = await opened(t);
  await account.faults.script([{ fault: "Ok" }, { fault: "Fail", status: 503 }, { fault: "Fail", status: 500 }]);
  assert.deepEqual([(await upscale(account)).status, (await upscale(account)).status], [200, 503]);
  await account.faults.clear();
  assert.equal((await upscale(account)).status, 200);
});

test("what the server refuses is an error with the server's message", async (t) => {
  const account = await opened(t);
  await assert.rejects(account.faults.add({ fault: "Fial" }), (error) => {
    assert.ok(error instanceof FauxscaleError);
    assert.equal(error.status, 400);
    assert.match(error.message, /POST \/accounts\/acct_\d+\/faults: 400 unknown fault 'Fial', did you mean 'Fail'/);
    return true;
  });
});

test("the clock is read, advanced, frozen and set", async (t) => {
  const { clock } = await opened(t);
  const at = new Date("2027-01-31T12:00:00Z");
  assert.deepEqual(await clock.freeze(at), { now: at / 1000, iso: "2027-01-31T12:00:00.000Z", frozen: true });
  assert.equal((await clock.advance({ hours: 1, minutes: 1 })).now, at / 1000 + 3660);
  assert.equal((await clock.set("2027-02-01T00:00:00Z")).iso, "2027-02-01T00:00:00.000Z");
  assert.equal((await clock.unfreeze()).frozen, false);
  assert.ok((await clock.read()).now >= 1_801_440_000);
});

test("calls are listed, filtered, waited for, read and described", async (t) => {
  const account = await opened(t);
  const waited = account.calls.wait(2, { operation: "ideogram.*" });
  await account.faults.add({ fault: "Fail", status: 503 });
  await upscale(account);
  await upscale(account);
  assert.deepEqual((await waited).map((call) => call.status), [503, 200]);
  const [served] = await account.calls.list({ status: 200, kind: "api" });
  assert.deepEqual(served.image.width, 512);
  assert.equal((await account.calls.read(served.id)).cost, 60_000);
  assert.deepEqual(await account.calls.upload(served.id), new Uint8Array(await PHOTO.arrayBuffer()));
  const result = Buffer.from(await account.calls.result(served.id));
  assert.equal(result.readUInt32BE(16), 1024);
  assert.equal(
    describeCalls(await account.calls.list()),
    "  call_1 ideogram.upscale 503 fault Fail: configured: Fail(503)\n" +
      "  call_2 ideogram.upscale 200 PNG 512x512 $0.06",
  );
});

test("calls that do not come are an assertion that lists those that did", async (t) => {
  const account = await opened(t);
  await upscale(account);
  await assert.rejects(account.calls.wait(2, { status: 200 }, 0), {
    name: "AssertionError",
    message: /1 of 2 calls came within 0 s with \{"status":200\}:\n {2}call_1 ideogram.upscale 200/,
  });
});

test("work that is paid once passes, paid twice or never fails", async (t) => {
  const account = await opened(t, { balance: 1 });
  await assert.rejects(account.ledger.assertBilledOnce(), /nothing was billed/);
  await upscale(account);
  await account.ledger.assertBilledOnce();
  await upscale(account);
  await assert.rejects(account.ledger.assertBilledOnce(), {
    name: "AssertionError",
    message:
      "ideogram.upscale was billed 2 times for the same picture and parameters: call_1 ($0.06), call_2 ($0.06)",
  });
  const { spent, balance, charges } = await account.ledger.read();
  assert.deepEqual([spent, balance, charges.length], [120_000, 880_000, 2]);
  assert.deepEqual(await account.totals(), { calls: 2, refused: 0, images: 2, micros: 120_000 });
});

test("links expire, are renewed and purged", async (t) => {
  const account = await opened(t);
  const { url } = (await upscale(account)).data[0];
  assert.equal((await account.links.list())[0].url, url);
  await account.links.expire(url);
  assert.equal((await fetch(url)).status, 403);
  const [renewed] = await account.links.renew(url, 60);
  assert.equal((await fetch(renewed.url)).status, 200);
  await account.links.purge();
  assert.equal((await fetch(renewed.url)).status, 404);
});

test("jobs are listed, advanced, stalled, finished and failed", async (t) => {
  const account = await opened(t, { options: { "fal.queue_seconds": 60 } });
  const submit = async () => {
    const headers = { authorization: `Key ${account.keys.fal}`, "content-type": "application/json" };
    const image_url = `data:image/png;base64,${Buffer.from(await PHOTO.arrayBuffer()).toString("base64")}`;
    const to = `${account.env("fal").FAL_QUEUE_URL}/fal-ai/ideogram/upscale`;
    const reply = await fetch(to, { method: "POST", headers, body: JSON.stringify({ image_url }) });
    assert.equal(reply.status, 200);
  };
  await submit();
  await submit();
  const [first, second] = (await account.jobs.list()).map((job) => job.id);
  assert.equal((await account.jobs.advance(first)).stage, "running");
  assert.equal((await account.jobs.stall(first)).stage, "running");
  assert.equal((await account.jobs.finish(first)).stage, "done");
  assert.ok((await account.jobs.fail(second, { status: 500, message: "no" })).error);
});

test("a call that a guard stopped is noted", async (t) => {
  const account = await opened(t);
  const id = await account.noteBlocked({ host: "api.ideogram.ai", reason: "a live call", provider: "ideogram" });
  assert.equal((await account.calls.read(id)).operation, "live.refused");
});

test("the server tells of itself", async () => {
  assert.equal((await server.health()).status, "ok");
  assert.equal((await server.settings()).key_policy, "open");
  assert.match(await server.metrics(), /^# /);
  assert.ok("/accounts" in (await server.description()).paths);
  assert.equal(server.providers.ideogram.base, "/ideogram");
});

test("a server of one's own is started, forgotten and stopped", async () => {
  const own = await start({ command: process.env.FAUXSCALE_COMMAND?.split(" "), args: ["--balance", "1"] });
  const account = await own.account();
  assert.equal((await account.settings()).balance, 1);
  await own.reset();
  assert.deepEqual(await own.accounts(), []);
  await own.stop();
  await assert.rejects(own.health(), /no fauxscale answers at http:\/\/127.0.0.1:\d+: .*ECONNREFUSED/);
});

test("what keeps a server from starting is told", async () => {
  const command = process.env.FAUXSCALE_COMMAND?.split(" ");
  await assert.rejects(start({ command: ["no-such-fauxscale"] }), /command not found: no-such-fauxscale: `pip install/);
  await assert.rejects(start({ command, args: ["--nonsense"] }), /ended with status 2: [\s\S]*No such option/);
});

test("where no server is, the error says how to start one", async () => {
  const nowhere = "http://127.0.0.1:9";
  await assert.rejects(connect({ url: nowhere }), /no fauxscale answers at http:\/\/127.0.0.1:9: .*fauxscale run -- npm test/);
});
