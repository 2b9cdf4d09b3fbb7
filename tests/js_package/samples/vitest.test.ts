import { readFileSync } from "node:fs";

import { expect } from "vitest";

import { test } from "fauxscale/vitest";

const photo = new Blob([readFileSync("../../fixtures/images/astronaut.png")]);

async function upscale(base: string, key: string): Promise<number> {
  const body = new FormData();
  body.append("image_file", photo, "photo.png");
  body.append("image_request", "{}");
  return (await fetch(`${base}/upscale`, { method: "POST", headers: { "Api-Key": key }, body })).status;
}

test("a busy service is asked again, and paid once", async ({ account }) => {
  await account.faults.add({ fault: "Fail", status: 429, retry_after: 1 }, { on: "ideogram.upscale" });
  const statuses = [];
  for (let tries = 0; tries < 2; tries++) {
    statuses.push(await upscale(account.baseUrl("ideogram"), account.keys.ideogram));
  }
  expect(statuses).toEqual([429, 200]);
  await account.ledger.assertBilledOnce();
});

const poor = test.extend({ terms: { balance: 0 } });

poor("an empty wallet", async ({ account, server }) => {
  expect(await upscale(account.baseUrl("ideogram"), account.keys.ideogram)).toBe(402);
  const mine = (await server.accounts()).find((one) => one.id === account.id);
  expect(mine?.label).toBe("samples/vitest.test.ts > an empty wallet");
});

test("every test has an account of its own", async ({ account }) => {
  expect(await account.calls.list()).toEqual([]);
});
