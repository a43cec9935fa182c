-- Puts a document in place of another and tells of it, unless the prefix is another
-- publisher's, or what is there is not what the publisher looked at.
-- KEYS: numbers, document, publisher. ARGV: place, number, document, channel, the
-- number that was found ('' for none), and the publisher's origin, host and time.
-- Returns 'published', 'changed', or 'taken' and whose the prefix is.
if redis.call('TYPE', KEYS[3]).ok ~= 'hash' then redis.call('DEL', KEYS[3]) end
local owner = redis.call('HGET', KEYS[3], 'origin')
if owner and owner ~= ARGV[6] then
  return {'taken', owner, redis.call('HGET', KEYS[3], 'host') or '', redis.call('HGET', KEYS[3], 'since') or ''}
end
if redis.call('TYPE', KEYS[1]).ok ~= 'hash' then redis.call('DEL', KEYS[1]) end
if (redis.call('HGET', KEYS[1], ARGV[1]) or '') ~= ARGV[5] then return {'changed'} end
if not owner then redis.call('HSET', KEYS[3], 'origin', ARGV[6], 'host', ARGV[7], 'since', ARGV[8]) end
redis.call('SET', KEYS[2], ARGV[3])
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('PUBLISH', ARGV[4], ARGV[1] .. ' ' .. ARGV[2])
return {'published'}
