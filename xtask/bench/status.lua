-- Load for `cargo xtask bench`: each request asks for the next of the ids in IDS (lines "key queueId").
local asks, n = {}, 0
for line in io.lines(os.getenv("IDS")) do
  local key, id = line:match("(%S+) (%S+)")
  asks[#asks + 1] = wrk.format("GET", "/api/auto-apply-v2/status?queueId=" .. id, { ["x-api-key"] = key })
end
function request() n = n + 1; return asks[n % #asks + 1] end
