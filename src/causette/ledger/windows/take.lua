-- Takes the most that a request may use from all of its windows, or nothing from any: what `reservations.grant` decides
-- of rolling windows of requests and tokens, for one offer.
--
-- KEYS  what the request holds; the requests that hold something, by since when; then each window once
-- ARGV  request, input bound, output wanted, output least; then of each limit: which window, meter, seconds, amount
-- gives {1, output, now, then of each window: started, used, held, taken}, or {0, which limit, now, started, used, held}

local record, open, request = KEYS[1], KEYS[2], ARGV[1]
local input, output, least = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]

-- A command that is sent again after a broken connection may have been carried out before.
settle(record, open, request, { requests = 0, tokens = 0 })

local windows = {}
for index = 3, #KEYS do
  windows[index - 2] = { key = KEYS[index] }
end
for position = 5, #ARGV, 4 do
  local window = windows[tonumber(ARGV[position])]
  local amount = tonumber(ARGV[position + 3])
  if not window.started then
    window.meter, window.lasts = ARGV[position + 1], tonumber(ARGV[position + 2]) * 1000000
    local found = redis.call('HMGET', window.key, 'started', 'used', 'held')
    local started = tonumber(found[1])
    if not started or now >= started + window.lasts then
      window.started, window.used, window.held, window.new = now, 0, 0, true
    else
      window.started, window.used, window.held = started, tonumber(found[2]), tonumber(found[3])
    end
  end
  local left, refused = amount - window.used, false
  if window.meter == 'requests' then
    refused = left < 1
  else
    local room = left >= input and left - input or -1
    refused = room < least
    output = math.min(output, room)
  end
  if refused then
    return { 0, (position - 5) / 4, now, window.started, window.used, window.held }
  end
end

local holds, answer, longest = {}, { 1, output, now }, 0
for _, window in ipairs(windows) do
  local amount = window.meter == 'requests' and 1 or input + output
  local started, used, held = digits(window.started), window.used + amount, window.held + amount
  redis.call('HSET', window.key, 'started', started, 'used', digits(used), 'held', digits(held))
  if window.new then
    -- That it is over is decided by `started`; the key only has to be there until then.
    redis.call('PEXPIRE', window.key, digits(window.lasts / 1000 + 1000))
  end
  longest = math.max(longest, math.ceil((window.started + window.lasts - now) / 1000) + 1000)
  table.insert(holds, { window.key, started, amount, window.meter })
  for _, number in ipairs({ window.started, used, held, amount }) do
    table.insert(answer, number)
  end
end
redis.call('SET', record, cmsgpack.pack(holds), 'PX', digits(longest))
redis.call('ZADD', open, digits(now), request)
if redis.call('PTTL', open) < longest then
  redis.call('PEXPIRE', open, digits(longest))
end
return answer
