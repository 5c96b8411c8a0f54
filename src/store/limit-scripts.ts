/**
 * The limits' scripts for Redis. Promises: all entries of a call are taken or none; time is Redis's own; what a dead node
 * held is free when its lease ends; every key has an expiry.
 *
 * A counted limit is a hash: units by step (`<step number>`), their sum `s`, the oldest and the newest step `f` and `l`.
 * Slots are a hash: holder → `<slots> <end of the lease, ms>`.
 * The epoch is a hash that lives as long as Redis remembers: who knew another one has to tell again what it let in, and
 * until all can have done so (`settled`) each node stays within its own share.
 */

/** KEYS[1]: the epoch. ARGV: the epoch that is known ('' none), the holder, nodes, grace ms, lease ms. */
const opening = `
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local holder, nodes = ARGV[2], tonumber(ARGV[3])
local grace, lease = tonumber(ARGV[4]), tonumber(ARGV[5])

local life = redis.call('HMGET', KEYS[1], 'id', 'born', 'settled')
local epoch, born, settled = life[1], tonumber(life[2]), tonumber(life[3])
if not epoch then
  -- By the microsecond: the one before may have been lost within this very millisecond.
  epoch, born = string.format('%.0f-', clock[1] * 1000000 + clock[2]) .. holder, now
  redis.call('HSET', KEYS[1], 'id', epoch, 'born', now)
end
redis.call('PEXPIRE', KEYS[1], 86400000)
local changed = ARGV[1] ~= '' and ARGV[1] ~= epoch
if changed and not settled then
  settled = born + grace
  redis.call('HSET', KEYS[1], 'settled', settled)
end
local unsettled = 0
if settled and settled > now and settled - now <= grace then unsettled = settled - now end

-- Sum, oldest and newest step after what is too old has left.
local function current(key, span, step)
  local cur, steps = math.floor(now / step), span / step
  local known = redis.call('HMGET', key, 's', 'f', 'l')
  if not known[1] then return 0, cur, cur, cur end
  local sum, first, last = tonumber(known[1]), tonumber(known[2]), tonumber(known[3])
  -- Also where Redis's clock was set back.
  if last < cur - steps or last > cur + steps then
    redis.call('DEL', key)
    return 0, cur, cur, cur
  end
  if first < cur - steps then
    for bucket = first, cur - steps - 1 do
      local units = redis.call('HGET', key, bucket)
      if units then
        sum = sum - tonumber(units)
        redis.call('HDEL', key, bucket)
      end
    end
    first = cur - steps
    redis.call('HSET', key, 's', sum, 'f', first)
  end
  return sum, first, last, cur
end

-- Slots of all live holders, and of this one.
local function held(key)
  local total, mine = 0, 0
  local leases = redis.call('HGETALL', key)
  for index = 1, #leases, 2 do
    local count, ends = string.match(leases[index + 1], '^(%d+) (%d+)$')
    count, ends = tonumber(count), tonumber(ends)
    if ends <= now then
      redis.call('HDEL', key, leases[index])
    else
      if ends > now + lease then
        redis.call('HSET', key, leases[index], string.format('%.0f %.0f', count, now + lease))
      end
      total = total + count
      if leases[index] == holder then mine = count end
    end
  end
  return total, mine
end

local function keep(key, count)
  if count > 0 then
    redis.call('HSET', key, holder, string.format('%.0f %.0f', count, now + lease))
  else
    redis.call('HDEL', key, holder)
  end
  redis.call('PEXPIRE', key, lease + 10000)
end
`;

/**
 * Calls one after another: each takes from all its entries or from none. ARGV from 6 on, by call: the number of its
 * entries (KEYS go on from 2), and by entry: `c`, amount, need, wish, span, step; or `s`, amount, need, and three that say
 * nothing. Answers status (1 answered, 2 another epoch, 3 unsettled), epoch, now, ms unsettled; then by call whether it
 * was taken, and by entry: granted, its step, left, ms until the need may fit (0: it does), ms until nothing is in use.
 */
export const takeScript = `${opening}
if changed then return { 2, epoch, now, unsettled } end
if unsettled > 0 then return { 3, epoch, now, unsettled } end
local reply, counters = { 1, epoch, now, 0 }, {}

-- What a key counts, as the calls before left it.
local function counterOf(key, at)
  local counter = counters[key]
  if counter then return counter end
  counter = { key = key, granted = 0 }
  if ARGV[at] == 's' then
    counter.total, counter.mine = held(key)
  else
    counter.span, counter.step = tonumber(ARGV[at + 4]), tonumber(ARGV[at + 5])
    counter.total, counter.first, counter.last, counter.cur =
      current(key, counter.span, counter.step)
  end
  counters[key] = counter
  return counter
end

-- Ms until the units have left that stand in the way.
local function wait(counter, over)
  if not counter.span then return 1000 end
  local steps = counter.span / counter.step
  for bucket = counter.first, counter.last do
    over = over - tonumber(redis.call('HGET', counter.key, bucket) or 0)
    if over <= 0 then return math.max(1, (bucket + steps + 1) * counter.step - now) end
  end
  -- What this message itself took is not written yet.
  return counter.span + counter.step
end

local function grant(counter, entry)
  local granted = 1
  if counter.span then
    -- What is handed out in advance shrinks with what is left, so that no node sits on what others need.
    local spare = math.max(0, math.floor((entry.left - entry.need) / (4 * nodes)))
    granted = entry.need + math.min(entry.wish, spare)
  end
  counter.total, counter.granted = counter.total + granted, counter.granted + granted
  return granted
end

local function save(counter)
  if not counter.span then return keep(counter.key, counter.mine + counter.granted) end
  local first, last = math.min(counter.first, counter.cur), math.max(counter.last, counter.cur)
  redis.call('HINCRBY', counter.key, counter.cur, counter.granted)
  redis.call('HSET', counter.key, 's', counter.total, 'f', first, 'l', last)
  redis.call('PEXPIRE', counter.key, counter.span + 2 * counter.step + 10000)
end

local at, index = 6, 2
while index <= #KEYS do
  local entries, fits = {}, 1
  for number = 1, tonumber(ARGV[at]) do
    local base = at + 6 * number - 5
    local entry = { counter = counterOf(KEYS[index], base) }
    entry.need, entry.wish = tonumber(ARGV[base + 2]), tonumber(ARGV[base + 3])
    entry.left = tonumber(ARGV[base + 1]) - entry.counter.total
    entry.fits = entry.need == 0 or entry.left >= entry.need
    if not entry.fits then fits = 0 end
    entries[number] = entry
    index = index + 1
  end
  at = at + 1 + 6 * #entries
  reply[#reply + 1] = fits
  for _, entry in ipairs(entries) do
    local counter, granted, out = entry.counter, 0, #reply
    if fits == 1 then granted = grant(counter, entry) end
    reply[out + 1] = granted
    reply[out + 2] = counter.cur or 0
    reply[out + 3] = entry.left - granted
    reply[out + 4] = entry.fits and 0 or wait(counter, entry.need - entry.left)
    reply[out + 5] = 0
    if counter.span and counter.total > 0 then
      local last = counter.granted > 0 and counter.cur or counter.last
      reply[out + 5] = (last + counter.span / counter.step + 1) * counter.step - now
    end
  end
end
for _, counter in pairs(counters) do
  if counter.granted > 0 then save(counter) end
end
return reply
`;

/**
 * Told once by its number, however often it is sent. KEYS[2]: the number that was told last; ARGV[6]: this one, ARGV[7] how
 * long that is kept (ms). From 8 on, by entry: `c`, span, step, n, then n times step and units (negative: taken off); or
 * `s`, slots that were freed, slots held in all (-1: only what was freed).
 * Answers status (1 told, 2 another epoch), epoch, now, ms unsettled.
 */
export const tellScript = `${opening}
if changed then return { 2, epoch, now, unsettled } end
local told = tonumber(redis.call('GET', KEYS[2]) or 0)
if told >= tonumber(ARGV[6]) then return { 1, epoch, now, unsettled } end
redis.call('SET', KEYS[2], ARGV[6], 'PX', ARGV[7])

local function change(key, at)
  local span, step, count = tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
  local sum, first, last, cur = current(key, span, step)
  for index = 1, count do
    local bucket, units = tonumber(ARGV[at + 2 + 2 * index]), tonumber(ARGV[at + 3 + 2 * index])
    if units > 0 and bucket > cur then bucket = cur end
    if bucket >= cur - span / step then
      -- Never below nothing, even if somebody gives back what is not there.
      if units < 0 then units = -math.min(-units, tonumber(redis.call('HGET', key, bucket) or 0)) end
      if units ~= 0 then
        redis.call('HINCRBY', key, bucket, units)
        sum, first, last = sum + units, math.min(first, bucket), math.max(last, bucket)
      end
    end
  end
  redis.call('HSET', key, 's', sum, 'f', first, 'l', last)
  redis.call('PEXPIRE', key, span + 2 * step + 10000)
  return at + 4 + 2 * count
end

local at = 8
for index = 3, #KEYS do
  if ARGV[at] == 's' then
    local total, mine = held(KEYS[index])
    local all = tonumber(ARGV[at + 2])
    if all >= 0 then mine = all else mine = math.max(0, mine - tonumber(ARGV[at + 1])) end
    keep(KEYS[index], mine)
    at = at + 3
  else
    at = change(KEYS[index], at)
  end
end
return { 1, epoch, now, unsettled }
`;
