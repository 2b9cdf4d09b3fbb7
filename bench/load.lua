-- One request, sent again and again: its method, headers and body are in files that the environment names.
local function content(name)
  local file = assert(io.open(os.getenv(name), "rb"))
  local text = file:read("*a")
  file:close()
  return text
end

wrk.method = os.getenv("LOAD_METHOD")
for name, value in content("LOAD_HEADERS"):gmatch("([^\n:]+): ([^\n]*)\n") do
  wrk.headers[name] = value
end
local body = content("LOAD_BODY")
if #body > 0 then
  wrk.body = body
end

done = function(summary, latency, requests)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  io.write(string.format("LOAD %d %d %d %d %d\n", summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(99), failed))
end
