#!lua name=milepost

-- Takes views of one partition, all or none. A view that is not newer than the one there is changes nothing.
-- KEYS: places, then of each view its own key and that of its engagement.
-- ARGV: partition, the place where the caller takes it to be, the place behind the views,
--       then of each view its project, generation, version and JSON.
local function take(keys, args)
  local place = redis.call('HGET', keys[1], args[1]) or ''
  if place ~= args[2] then
    return redis.error_reply('MOVED_ELSEWHERE partition ' .. args[1] .. ' is at "' .. place .. '", not at "' .. args[2] .. '"')
  end
  local taken = 0
  local at = 4
  for key = 2, #keys, 2 do
    local known = redis.call('HMGET', keys[key], 'generation', 'version')
    if known[1] ~= args[at + 1] or tonumber(known[2]) < tonumber(args[at + 2]) then
      redis.call('HSET', keys[key], 'generation', args[at + 1], 'version', args[at + 2], 'view', args[at + 3])
      redis.call('SADD', keys[key + 1], args[at])
      taken = taken + 1
    end
    at = at + 4
  end
  redis.call('HSET', keys[1], args[1], args[3])
  return taken
end

redis.register_function('milepost_take', take)
