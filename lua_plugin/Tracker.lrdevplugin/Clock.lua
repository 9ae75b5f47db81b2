--- Time as others count it: Lightroom counts from 2001.

local LrDate = import 'LrDate'

local Clock = {}

--- Seconds since 1970, UTC, with a fraction.
-- @return number
function Clock.now()
    return LrDate.timeToPosixDate(LrDate.currentTime())
end

--- The time now in ISO 8601, UTC, with milliseconds: `2025-11-09T10:30:00.250Z`.
-- @return string
function Clock.timestamp()
    local now = Clock.now()
    local whole = math.floor(now)
    return os.date("!%Y-%m-%dT%H:%M:%S", whole) .. string.format(".%03dZ", math.floor((now - whole) * 1000))
end

return Clock
