// Why a call was answered as it was, in words.
import { ahead, dollars, faultText } from "./parts.js";

// What each neutral refusal comes from, and what changes it.
const RULES = {
  missing_key: "The call had no API key.",
  invalid_key: "This server does not accept the API key.",
  no_funds: "The account's wallet is empty or too low. The setting balance is the amount it starts with.",
  rate_limited: "The account exceeded its rate limit: the setting rate_limit, in calls per minute.",
  too_many_in_flight: "The account had too many calls in flight: the setting in_flight.",
  link_expired: "The link had expired by the account's clock (the setting link_ttl), or was expired by hand.",
  link_forged: "The link's signature does not match its address.",
  link_unknown: "This link was never issued, or its picture was purged.",
  unsafe: "The safety check rejected the picture or the prompt.",
  live_call: "A guard in the test process blocked this call to a real host.",
  not_found: "There is no endpoint at this address.",
};

export const fromPrompt = (entry) => JSON.stringify(entry.params).includes("fauxscale:");

// Sentences, the most telling first. `armed` is whether the sentence is about something that was configured.
export function why(entry, story) {
  const said = [];
  for (const fault of entry.configured) {
    const name = faultText(fault);
    const how = fromPrompt(entry) ? `The prompt requested the fault ${name}.` : `The fault ${name} was configured for this call.`;
    if (fault.fault !== "Ok") said.push({ armed: true, text: how });
  }
  if (entry.rule && !entry.configured.length) said.push({ text: RULES[entry.rule] ?? `Refused by the rule ${entry.rule}.` });
  if (entry.reason && !/^configured: /.test(entry.reason)) said.push({ text: entry.reason, quoted: true });
  if (entry.status != null && entry.status < 400 && !entry.configured.length) said.push({ text: succeeded(entry, story) });
  if (entry.status == null && !entry.configured.length) said.push({ text: "The connection was cut before a reply was sent." });
  if (!entry.arrived) said.push({ text: "The client did not receive the complete reply: it disconnected, or a fault cut the reply." });
  if (story?.charge?.again.length) {
    const others = story.charge.again.join(", ");
    said.push({ armed: true, text: `The same work was paid for more than once, also by ${others}.` });
  }
  if (story?.charge?.refunded) said.push({ text: "The charge was refunded." });
  if (Math.abs(entry.ahead) >= 1) said.push({ armed: true, text: `The account's clock was ${ahead(entry.ahead)} off real time.` });
  if (entry.api_version) said.push({ text: `API version ${entry.api_version}.`, soft: true });
  return said;
}

function succeeded(entry, story) {
  if (entry.kind === "download") return "The link was valid, and its picture was sent.";
  if (story?.job) return `Accepted as a job, which is ${story.job.stage}${entry.cost ? `; it costs ${dollars(entry.cost)}` : ""}.`;
  if (entry.cost) return `Success: the work was done and ${dollars(entry.cost)} charged.`;
  return "Success.";
}
