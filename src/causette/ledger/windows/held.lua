-- What both scripts share. A window is a hash of `started` (microseconds since 1970), `used` and `held`, held included in
-- used. What a request holds is one value, so that it can be given back once: a list of {window, started, amount, meter}.

local function digits(number)
  -- What Lua makes of large numbers by itself loses digits.
  return string.format('%.0f', number)
end

-- Put what was used in the place of what is held, wherever the window is still the same.
local function settle(record, open, request, used)
  redis.call('ZREM', open, request)
  local packed = redis.call('GET', record)
  if not packed then
    return 0
  end
  redis.call('DEL', record)
  for _, item in ipairs(cmsgpack.unpack(packed)) do
    local window, started, amount, meter = item[1], item[2], item[3], item[4]
    if redis.call('HGET', window, 'started') == started then
      redis.call('HINCRBY', window, 'used', digits(used[meter] - amount))
      redis.call('HINCRBY', window, 'held', digits(-amount))
    end
  end
  return 1
end
