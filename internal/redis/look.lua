-- Returns the number and the digest of the document of one place, '' where there is
-- none that makes sense, and whose the prefix is: origin, host and time.
-- KEYS: numbers, document, publisher. ARGV: place.
local number, sum, owner = '', '', {false, false, false}
if redis.call('TYPE', KEYS[1]).ok == 'hash' then number = redis.call('HGET', KEYS[1], ARGV[1]) or '' end
if redis.call('TYPE', KEYS[2]).ok == 'string' then sum = redis.sha1hex(redis.call('GET', KEYS[2])) end
if redis.call('TYPE', KEYS[3]).ok == 'hash' then owner = redis.call('HMGET', KEYS[3], 'origin', 'host', 'since') end
return {number, sum, owner[1] or '', owner[2] or '', owner[3] or ''}
