// What an editor knows of the package. tsc reads it: each `@ts-expect-error` is a mistake that it must find.
import { connect, type Account, type Call, type Fault } from "fauxscale";

const server = await connect();
const account: Account = await server.account({ balance: 1, time: "virtual", label: "types" });

await account.faults.add({ fault: "Fail", status: 429, retry_after: 2 }, { on: "ideogram.upscale", times: null });
await account.faults.script([{ fault: "LoseReply", how: "close" }, { fault: "Ok" }]);
const found: Call[] = await account.calls.wait(1, { status: 200, kind: "download" });
const shown: number | undefined = found[0]?.image?.width;
const kinds: Fault["fault"][] = ["SwapWebhooks", "Truncate"];
const opened: string = (await server.control("POST /accounts", { body: { label: "mine" } })).id;
await server.control("GET /accounts/{id}/ledger", { path: { id: opened } });

// @ts-expect-error: no fault has this name
await account.faults.add({ fault: "Fial" });
// @ts-expect-error: Fail needs a status
await account.faults.add({ fault: "Fail" });
// @ts-expect-error: a Delay has no status
await account.faults.add({ fault: "Delay", seconds: 1, status: 429 });
// @ts-expect-error: no account has such a term
await server.account({ ballance: 1 });
// @ts-expect-error: there is no such route
await server.control("GET /acounts");
// @ts-expect-error: this route is about an account
await server.control("GET /accounts/{id}/ledger");
// @ts-expect-error: calls have no such filter
await account.calls.list({ state: 200 });

export { kinds, shown };
