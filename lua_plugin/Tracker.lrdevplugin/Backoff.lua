--- How long to wait before something is tried again: full jitter, twice as long at most after each failure.

local Backoff = {}
Backoff.__index = Backoff

local FIRST_SECONDS = 0.5
local LONGEST_SECONDS = 30

-- Unseeded, every Lightroom would wait the same times, and all would come back at the same moment.
math.randomseed((os.time() * 1000 + math.floor(os.clock() * 1e6)) % 2 ^ 31)

--- @param random function giving 0 to 1; math.random unless it is given
function Backoff.new(random)
    return setmetatable({ failures = 0, random = random or math.random }, Backoff)
end

--- The wait after one more failure.
-- @param atLeast seconds that the server asked for, or nil; 30 at most
-- @return number of seconds, 0 to 30
function Backoff:next(atLeast)
    -- 2^6 halves of a second are more than the longest wait already.
    local longest = math.min(LONGEST_SECONDS, FIRST_SECONDS * 2 ^ math.min(self.failures, 6))
    self.failures = self.failures + 1
    return math.max(self.random() * longest, math.min(atLeast or 0, LONGEST_SECONDS))
end

--- It worked: the next failure is a first one.
function Backoff:reset()
    self.failures = 0
end

return Backoff
