--- Ids of events: UUIDs (RFC 9562, version 8) of a session's own part and a counter.
--
-- The server takes an event with the id of an earlier one for the same event. Lua's random numbers may repeat after a
-- restart, or on another machine, so the session's part comes from all that differs there.

local LrDate = import 'LrDate'
local LrMD5 = import 'LrMD5'
local LrPathUtils = import 'LrPathUtils'

local EventId = {}

local function sessionDigits()
    local differing = {
        string.format("%.6f", LrDate.currentTime()),
        string.format("%.6f", os.clock()),
        tostring({}), -- where it lies in memory
        tostring(function() end),
        tostring(math.random()),
        LrPathUtils.getStandardFilePath("home"),
    }
    return LrMD5.digest(table.concat(differing, "|")):lower()
end

local digits = sessionDigits()
local variant = ("89ab"):sub(1 + tonumber(digits:sub(16, 16), 16) % 4):sub(1, 1)
local session = table.concat({
    digits:sub(1, 8),
    digits:sub(9, 12),
    "8" .. digits:sub(13, 15),
    variant .. digits:sub(17, 19),
}, "-")
local count = 0

--- A UUID that was never given before.
-- @return string
function EventId.next()
    count = count + 1
    return string.format("%s-%012x", session, count)
end

return EventId
