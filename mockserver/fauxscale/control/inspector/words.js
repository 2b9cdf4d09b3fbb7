// Why a call was answered as it was, in words.
import { ahead, dollars, faultText } from "./parts.js";

// What each neutral refusal comes from, and what changes it.
const RULES = {
  missing_key: "No API key came with the call.",
  invalid_key: "The API key is none that works here.",
  no_funds: "The wallet could not pay for it. The account's setting balance says what it begins with.",
  rate_limited: "The account made more calls than its limit allows: the setting rate_limit, in calls a minute.",
  too_many_in_flight: "Too many calls of the account were under way at once: the setting in_flight.",
  link_expired: "The link's life was over by the account's clock: the setting link_ttl, or somebody expired it.",
  link_forged: "The link's signature does not fit its address.",
  link_unknown: "No such link was ever given out, or its picture was purged.",
  unsafe: "The safety check refused it.",
  live_call: "A guard in the test's process stopped this call on its way to a real host.",
  not_found: "No endpoint answers at this address.",
};

export const fromPrompt = (entry) => JSON.stringify(entry.params).includes("fauxscale:");

// Sentences, the most telling first. `armed` is whether the sentence is about something that was configured.
export function why(entry, story) {
  const said = [];
  for (const fault of entry.configured) {
    const name = faultText(fault);
    const how = fromPrompt(entry) ? `The prompt asked for the fault ${name}.` : `The fault ${name} was configured for this call.`;
    if (fault.fault !== "Ok") said.push({ armed: true, text: how });
  }
  if (entry.rule && !entry.configured.length) said.push({ text: RULES[entry.rule] ?? `Refused by the rule ${entry.rule}.` });
  if (entry.reason && !/^configured: /.test(entry.reason)) said.push({ text: entry.reason, quoted: true });
  if (entry.status != null && entry.status < 400 && !entry.configured.length) said.push({ text: succeeded(entry, story) });
  if (entry.status == null && !entry.configured.length) said.push({ text: "The connection was cut before an answer was sent." });
  if (!entry.arrived) said.push({ text: "The reply did not reach the client whole: it had left, or a fault cut it." });
  if (story?.charge?.again.length) {
    const others = story.charge.again.join(", ");
    said.push({ armed: true, text: `The same work was paid for more than once: ${others} paid for it, too.` });
  }
  if (story?.charge?.refunded) said.push({ text: "What it cost was returned." });
  if (Math.abs(entry.ahead) >= 1) said.push({ armed: true, text: `The account's clock was ${ahead(entry.ahead)} off real time.` });
  if (entry.api_version) said.push({ text: `Answered by the API version ${entry.api_version}.`, soft: true });
  return said;
}

function succeeded(entry, story) {
  if (entry.kind === "download") return "The link was alive, and its picture was sent.";
  if (story?.job) return `Accepted as a job, which is ${story.job.stage}${entry.cost ? `; it costs ${dollars(entry.cost)}` : ""}.`;
  if (entry.cost) return `Nothing stood against it: the work was done and ${dollars(entry.cost)} charged.`;
  return "Nothing stood against it.";
}
