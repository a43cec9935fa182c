-- Notes minutes, unless later ones are there, and when all of them expire.
-- KEYS: hash. ARGV: seconds, and pairs of a field and a minute.
if redis.call('TYPE', KEYS[1]).ok ~= 'hash' then redis.call('DEL', KEYS[1]) end
for i = 2, #ARGV, 2 do
  local has = tonumber(redis.call('HGET', KEYS[1], ARGV[i]) or '')
  if not has or has < tonumber(ARGV[i + 1]) then redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
end
redis.call('EXPIRE', KEYS[1], ARGV[1])
return 'OK'
