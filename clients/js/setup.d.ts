/**
 * Start a server for a run, unless FAUXSCALE_URL names one, and return what ends it. FAUXSCALE_COMMAND is how fauxscale
 * is called here: `uvx fauxscale`.
 */
export default function setup(): Promise<() => Promise<void>>;
