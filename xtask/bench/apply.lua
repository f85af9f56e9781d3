-- Load for `cargo xtask bench`: each request applies to a job of its own, keys in turn.
local keys = {}
for line in io.lines(os.getenv("KEYS")) do keys[#keys + 1] = line end
local threads = 0
function setup(thread) thread:set("id", threads); threads = threads + 1 end
local count, run = 0, tonumber(os.getenv("RUN"))
local letter = "Hello from the bench: a letter of a usual kind, some lines long, with a greeting, what was done before, and a question about the job."
function request()
  count = count + 1
  local job = string.format("~02%d%02d%02d%012d", 2, run, id, count)
  local body = '{"jobId":"' .. job .. '","coverLetter":"' .. letter .. '","proposal":{"hourlyRate":65}}'
  local headers = { ["x-api-key"] = keys[(count + id * 7) % #keys + 1], ["content-type"] = "application/json" }
  return wrk.format("POST", "/api/auto-apply-v2/apply", headers, body)
end
