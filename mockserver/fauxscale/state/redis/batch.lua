-- One batch, as tables.py executes it in memory: all of it, or nothing but what counts.
-- KEYS[n] is the key of operation n. ARGV: the seconds by which a test has moved the clock, the bytes of pictures that
-- one group may keep; then for each operation its name, "1" where it is undone by a later refusal, and its members.
-- Every key is listed in a sorted set named as its group is, by the time at which it dies, so that groups can be dropped.
local call = redis.call
local at = 0
local function take() at = at + 1; return ARGV[at] end
local function number() return tonumber(take()) end
local function text(value) return string.format('%.17g', value) end

local time = call('TIME')
local real = tonumber(time[1]) + tonumber(time[2]) / 1000000
local now = real + number()
local memory = number()
local undo, finally = {}, {}
local careful, index = false, 0
local LIFE, MOST_WINDOWS, MOST_EVENTS = 3600, 1000, 10000 -- windows.py

local function undoing(step) if careful then undo[#undo + 1] = step end end
local function refuse(found) error({ refused = true, found = found }) end

local function group_of(key)
  local slash = string.find(key, '/', 1, true)
  return string.sub(key, 1, slash - 1), string.sub(key, slash)
end

local function list(key, life)
  local group, member = group_of(key)
  if life then
    call('ZREMRANGEBYSCORE', group, '-inf', text(now))
    call('ZADD', group, text(now + life), member)
  else
    call('ZADD', group, '+inf', member)
  end
end

local function store(key, value, life)
  if life then
    call('SET', key, value, 'PX', math.max(1, math.ceil(life * 1000)))
  else
    call('SET', key, value)
  end
end

local function put_aside(key)
  local aside = key .. '|aside' .. index
  call('RENAME', key, aside)
  undoing(function() call('RENAME', aside, key) end)
  finally[#finally + 1] = function() call('UNLINK', aside) end
end

local function give_up(blob)
  local size = call('STRLEN', blob)
  if size == 0 and call('EXISTS', blob) == 0 then return end
  local group, member = group_of(blob)
  if call('PTTL', blob) == -1 then call('DECRBY', group .. '/|bytes', size) end
  call('UNLINK', blob)
  call('ZREM', group, member)
end

local function forget_blob(blob)
  local group, member = group_of(blob)
  give_up(blob)
  call('HDEL', group .. '/|digests', member)
end

-- A blob is kept from now on, and what it hashes to; the oldest ones give way to it, and leave their digests.
local function keep_blob(blob)
  if call('PERSIST', blob) == 0 then return end
  local group, member = group_of(blob)
  local kept, bytes, digests = group .. '/|kept', group .. '/|bytes', group .. '/|digests'
  call('ZREMRANGEBYSCORE', group, '-inf', text(now))
  list(blob)
  if call('RPUSH', kept, member) == 1 then
    list(kept)
    list(bytes)
    list(digests)
  end
  call('HSET', digests, member, call('GET', blob .. '|digest') or '')
  call('UNLINK', blob .. '|digest')
  local all = call('INCRBY', bytes, call('STRLEN', blob))
  while true do
    local oldest = call('LINDEX', kept, 0)
    if oldest == member then return end
    if call('EXISTS', group .. oldest) == 1 then
      if all <= memory then return end
      all = all - call('STRLEN', group .. oldest)
      give_up(group .. oldest)
    end
    call('LPOP', kept)
  end
end

local ways = {}

function ways.get(key) return call('GET', key) end

function ways.put(key)
  local value, life = take(), number()
  if careful then
    local before, left = call('GET', key), call('PTTL', key)
    undoing(function()
      if before then store(key, before, left > 0 and left / 1000) else call('UNLINK', key) end
    end)
  end
  store(key, value, life)
  list(key, life)
end

function ways.delete(key)
  local blob = take()
  finally[#finally + 1] = function() forget_blob(blob) end
  if call('EXISTS', key) == 0 then return end
  if careful then
    put_aside(key)
  else
    call('UNLINK', key)
  end
  local group, member = group_of(key)
  finally[#finally + 1] = function() if call('EXISTS', key) == 0 then call('ZREM', group, member) end end
end

function ways.drop(group)
  for _, member in ipairs(call('ZRANGE', group, 0, -1)) do
    local key = group .. member
    if not careful then
      call('UNLINK', key)
    elseif call('EXISTS', key) == 1 then
      put_aside(key)
    end
  end
  if not careful then
    call('UNLINK', group)
  elseif call('EXISTS', group) == 1 then
    put_aside(group)
  end
end

-- Integer members of a value stand before its JSON: " version=3 generation=1 \n{...}".
function ways.expect(key)
  local member, wanted = take(), take()
  local found = call('GET', key)
  local seen = found
  if found and member ~= '' then
    seen = string.match(string.match(found, '^[^\n]*'), ' ' .. member .. '=(%-?%d+) ')
  end
  if (seen or '') ~= wanted then refuse(found) end
end

function ways.add(key)
  local amount, least, most, start, life, skip = take(), number(), number(), take(), number(), take()
  local found = call('GET', key)
  local before = tonumber(found or start)
  local after = before + tonumber(amount)
  if (least and after < least) or (most and after > most) then
    if skip == '1' then return false end
    refuse(before)
  end
  undoing(function()
    if found then call('SET', key, found, 'KEEPTTL') else call('UNLINK', key) end
  end)
  if found then
    call('INCRBY', key, amount)
  else
    store(key, string.format('%.0f', after), life)
    list(key, life)
  end
  return after
end

function ways.fixed(key)
  local moment, span, units, most, since = number(), number(), number(), number(), number()
  local first = tonumber(call('HGET', key, 'since') or nil)
  if not first then
    first = since or moment
    call('HSET', key, 'since', text(first))
    list(key)
    undoing(function() call('HDEL', key, 'since') end)
  end
  local place = math.floor((moment - first) / span)
  local reset = first + (place + 1) * span - moment
  local field = string.format('%.0f', place)
  local kept = call('HGET', key, field)
  local used = kept and tonumber(string.match(kept, '^%d+')) or 0
  if used + units > most then refuse({ used, text(reset) }) end
  call('HSET', key, field, string.format('%.0f %s', used + units, text(now)))
  undoing(function()
    if kept then call('HSET', key, field, kept) else call('HDEL', key, field) end
  end)
  if not kept and call('HLEN', key) > 2 then
    local all, flat = {}, call('HGETALL', key)
    for n = 1, #flat, 2 do
      if flat[n] ~= 'since' and flat[n] ~= field then
        all[#all + 1] = { flat[n], tonumber(string.match(flat[n + 1], ' (.*)$')) }
      end
    end
    table.sort(all, function(one, other) return one[2] < other[2] end)
    for n, one in ipairs(all) do
      if #all - n + 2 <= MOST_WINDOWS and now - one[2] < LIFE + span then break end
      call('HDEL', key, one[1])
    end
  end
  return { used + units, text(reset) }
end

function ways.rolling(key)
  local moment, span, units, most = number(), number(), number(), number()
  local from = moment - span
  local events = call('ZRANGEBYSCORE', key, '(' .. text(from), text(moment), 'WITHSCORES')
  local used = 0
  for n = 1, #events, 2 do used = used + tonumber(string.match(events[n], '^%d+')) end
  if used + units > most then
    local left, opens = 0, tonumber(events[#events] or 0)
    for n = 1, #events, 2 do
      left = left + tonumber(string.match(events[n], '^%d+'))
      if left >= used + units - most then
        opens = tonumber(events[n + 1])
        break
      end
    end
    refuse({ used, text(math.max(0, opens + span - moment)) })
  end
  local event = string.format('%.0f %s %d', units, text(now), index)
  call('ZADD', key, text(moment), event)
  list(key)
  undoing(function() call('ZREM', key, event) end)
  local count = call('ZCARD', key)
  for _, old in ipairs(call('ZRANGEBYSCORE', key, '-inf', '(' .. text(from), 'LIMIT', 0, 100)) do
    local counted = tonumber(string.match(old, ' (%S+) '))
    if count <= math.max(MOST_EVENTS, 2 * most) and now - counted <= LIFE + span then break end
    call('ZREM', key, old)
    count = count - 1
  end
  return { used + units, text(tonumber(events[2] or moment) + span - moment) }
end

function ways.lease(key)
  local holder, life, most = take(), number(), number()
  call('ZREMRANGEBYSCORE', key, '-inf', text(now))
  local before, count = call('ZSCORE', key, holder), call('ZCARD', key)
  if not before and most and count >= most then refuse(count) end
  call('ZADD', key, text(now + life), holder)
  if not before then
    count = count + 1
    list(key)
  end
  undoing(function()
    if before then call('ZADD', key, before, holder) else call('ZREM', key, holder) end
  end)
  return count
end

function ways.release(key)
  local holder = take()
  local before = call('ZSCORE', key, holder)
  if not before then return end
  call('ZREM', key, holder)
  undoing(function() call('ZADD', key, before, holder) end)
end

-- A list's first element is the size of all others.
function ways.append(key)
  local value, most, most_bytes, size = take(), number(), number(), number()
  local before = call('LPOP', key)
  local all = tonumber(before or 0) + size
  local count, gone = call('RPUSH', key, string.format('%.0f ', size) .. value), {}
  if not before then list(key) end
  while count > most or (most_bytes and all > most_bytes and count > 1) do
    local old = call('LPOP', key)
    all = all - tonumber(string.match(old, '^%d+'))
    count = count - 1
    gone[#gone + 1] = old
  end
  call('LPUSH', key, string.format('%.0f', all))
  undoing(function()
    call('LPOP', key)
    call('RPOP', key)
    for n = #gone, 1, -1 do call('LPUSH', key, gone[n]) end
    if before then call('LPUSH', key, before) end
  end)
end

function ways.items(key) return call('LRANGE', key, 1, -1) end

-- A table's fields: "=name" is its place and value, "#place" its name; the places run from "first" to "next".
function ways.set_field(key)
  local name, value, most = take(), take(), number()
  local field = '=' .. name
  local before = call('HGET', key, field)
  if before then
    call('HSET', key, field, string.match(before, '^%d+ ') .. value)
    undoing(function() call('HSET', key, field, before) end)
    return
  end
  local length = call('HLEN', key)
  if length == 0 then
    call('HSET', key, 'first', 1, 'next', 1)
    list(key)
    undoing(function() call('UNLINK', key) end)
  end
  local count = math.max(0, (length - 2) / 2)
  if most and count >= most then
    local before_first = tonumber(call('HGET', key, 'first'))
    local first = before_first
    undoing(function() call('HSET', key, 'first', before_first) end)
    while count >= most do
      local place = '#' .. string.format('%.0f', first)
      local old = call('HGET', key, place)
      if old then
        local was = call('HGET', key, '=' .. old)
        call('HDEL', key, place, '=' .. old)
        undoing(function() call('HSET', key, place, old, '=' .. old, was) end)
        count = count - 1
      end
      first = first + 1
    end
    call('HSET', key, 'first', string.format('%.0f', first))
  end
  local place = string.format('%.0f', call('HINCRBY', key, 'next', 1) - 1)
  call('HSET', key, field, place .. ' ' .. value, '#' .. place, name)
  undoing(function() call('HDEL', key, field, '#' .. place) end)
end

function ways.get_field(key) return call('HGET', key, '=' .. take()) end

function ways.delete_field(key)
  local name = take()
  local before = call('HGET', key, '=' .. name)
  if not before then return end
  local place = '#' .. string.match(before, '^%d+')
  call('HDEL', key, '=' .. name, place)
  undoing(function() call('HSET', key, '=' .. name, before, place, name) end)
end

function ways.fields(key) return call('HGETALL', key) end

function ways.name_blob(key)
  if call('EXISTS', key) == 0 then refuse(false) end
  finally[#finally + 1] = function() keep_blob(key) end
end

-- The number of the last change there was, and of the last that is forgotten. They begin at the time, so that a store
-- that lost its data gives no number twice.
local function marks(key)
  local mark, forgotten = call('GET', key .. '/mark'), call('GET', key .. '/forgotten')
  if mark and forgotten then return mark, forgotten end
  local first = string.format('%.0f', now * 1000000)
  call('SET', key .. '/mark', first)
  call('SET', key .. '/forgotten', first)
  call('UNLINK', key)
  return first, first
end

function ways.note(key)
  local account, most, channel = take(), number(), take()
  marks(key)
  call('ZADD', key, string.format('%.0f', call('INCR', key .. '/mark')), account)
  if call('ZCARD', key) > most then
    call('SET', key .. '/forgotten', string.format('%.0f', tonumber(call('ZPOPMIN', key)[2])))
  end
  call('PUBLISH', channel, '')
end

function ways.changes(key)
  local since = take()
  local mark, forgotten = marks(key)
  if since == '' or tonumber(since) < tonumber(forgotten) then return { mark } end
  return { mark, call('ZREVRANGEBYSCORE', key, '+inf', '(' .. since) }
end

local results = {}
for n, key in ipairs(KEYS) do
  local way = ways[take()]
  careful, index = take() == '1', n
  local done, found = pcall(way, key)
  if not done then
    for step = #undo, 1, -1 do undo[step]() end
    if type(found) == 'table' and found.refused then return { n, found.found, results, text(real) } end
    error(found)
  end
  results[n] = found or false
end
for _, step in ipairs(finally) do step() end
return { 0, false, results, text(real) }
