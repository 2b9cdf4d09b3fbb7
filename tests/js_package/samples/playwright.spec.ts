import { readFileSync } from "node:fs";

import { expect, test } from "fauxscale/playwright";

const photo = { name: "photo.png", mimeType: "image/png", buffer: readFileSync("../../fixtures/images/astronaut.png") };

test("a link is dead the day after", async ({ account, request }) => {
  const reply = await request.post(`${account.baseUrl("ideogram")}/upscale`, {
    headers: { "Api-Key": account.keys.ideogram },
    multipart: { image_request: "{}", image_file: photo },
  });
  const { url } = (await reply.json()).data[0];
  expect((await request.get(url)).status()).toBe(200);
  await account.clock.advance({ hours: 25 });
  expect((await request.get(url)).status()).toBe(403);
});

test.describe("without money", () => {
  test.use({ terms: { balance: 0 } });

  test("an empty wallet", async ({ account, request, server }) => {
    const reply = await request.post(`${account.baseUrl("ideogram")}/upscale`, {
      headers: { "Api-Key": account.keys.ideogram },
      multipart: { image_request: "{}", image_file: photo },
    });
    expect(reply.status()).toBe(402);
    const mine = (await server.accounts()).find((one) => one.id === account.id);
    expect(mine?.label).toBe("playwright.spec.ts > without money > an empty wallet");
  });
});
