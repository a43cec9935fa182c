-- Puts a document in place of one with a lower number, and tells of it.
-- KEYS: numbers, document, channel. ARGV: place, number, document.
-- Returns the number that is in the way, '' when none was.
local beyond = 2^53 -- above that numbers are not exact, and none was published
if redis.call('TYPE', KEYS[1]).ok ~= 'hash' then redis.call('DEL', KEYS[1]) end
local found = redis.call('HGET', KEYS[1], ARGV[1])
local have = found and tonumber(found)
if have and have < beyond and have >= tonumber(ARGV[2]) then return found end
redis.call('SET', KEYS[2], ARGV[3])
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('PUBLISH', KEYS[3], ARGV[1] .. ' ' .. ARGV[2])
return ''
