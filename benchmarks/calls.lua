-- One measured call over many users. Arguments: the method, the number of variants, for each variant its path and
-- body, then the users; in CALL_HEADERS lines of headers, where they are not the usual ones. USER and VALUE are filled in anew for each request. Prints one line of JSON in the end.

function init(arguments)
  method = arguments[1]
  variants, users = {}, {}
  local last = 2 + 2 * tonumber(arguments[2])
  for at = 3, last, 2 do variants[#variants + 1] = { path = arguments[at], body = arguments[at + 1] } end
  for at = last + 1, #arguments do users[#users + 1] = arguments[at] end
  headers = { ["X-API-KEY"] = "00000000.local" }
  if variants[1].body ~= "" then headers["Content-Type"] = "application/json" end
  local others = os.getenv("CALL_HEADERS") or ""
  if others ~= "" then headers = {} end
  for name, value in others:gmatch("([^\n:]+): ([^\n]*)\n") do headers[name] = value end
  math.randomseed(1)
end

function request()
  local variant, user = variants[math.random(#variants)], users[math.random(#users)]
  local path = variant.path:gsub("USER", user)
  if variant.body == "" then return wrk.format(method, path, headers) end
  local body = variant.body:gsub("USER", user):gsub("VALUE(%d+)", function(most) return math.random(most) end)
  return wrk.format(method, path, headers, body)
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '\n{"requests": %d, "microseconds": %d, "p50": %d, "p99": %d, "refused": %d, "broken": %d}\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
