-- Ends what a request holds, with what it used of it. Only the first end of a request counts.
--
-- KEYS  what the request holds; the requests that hold something
-- ARGV  request, requests used, tokens used

return settle(KEYS[1], KEYS[2], ARGV[1], { requests = tonumber(ARGV[2]), tokens = tonumber(ARGV[3]) })
