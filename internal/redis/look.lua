-- Returns the number and the digest of the document of one place; '' where there is
-- none that makes sense. KEYS: numbers, document. ARGV: place.
local number, sum = '', ''
if redis.call('TYPE', KEYS[1]).ok == 'hash' then number = redis.call('HGET', KEYS[1], ARGV[1]) or '' end
if redis.call('TYPE', KEYS[2]).ok == 'string' then sum = redis.sha1hex(redis.call('GET', KEYS[2])) end
return {number, sum}
