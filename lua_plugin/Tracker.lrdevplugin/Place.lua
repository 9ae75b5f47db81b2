--- Where the plug-in is in the log, kept in its preferences: everything up to there was handed to listeners.
--
-- `position` and `epoch` outlive everything. `clientId` and `cursor` are those of a client that the server may still
-- know, of the address and channels in `client`: what the server keeps for a cursor, it keeps for three minutes.

local Log = require 'Log'
local Settings = require 'Settings'

local Place = {}
Place.__index = Place

local LONGEST = 1000 -- characters of what is a text; more is damage

local function text(value)
    if type(value) == "string" and value ~= "" and #value <= LONGEST and not value:find("%c") then return value end
end

-- Kept as text: preferences may write a large number with an exponent.
local function position(value)
    local digits = type(value) == "string" and #value <= 15 and value:match("^%d+$")
    return digits and tonumber(digits)
end

local KEPT = {
    { field = "position", key = "follow_position", read = position },
    { field = "epoch", key = "follow_epoch", read = text },
    { field = "client", key = "follow_client", read = text },
    { field = "clientId", key = "follow_client_id", read = text },
    { field = "cursor", key = "follow_cursor", read = text },
}

--- The place that the preferences hold; what is damaged there is left out, and logged.
function Place.load()
    local place, preferences = setmetatable({}, Place), Settings.preferences()
    for _, kept in ipairs(KEPT) do
        local value = preferences[kept.key]
        place[kept.field] = kept.read(value)
        if value ~= nil and place[kept.field] == nil then Log.warn("The preference " .. kept.key .. " is damaged") end
    end
    if not place.epoch then place.position = nil end -- a position of no log is none
    return place
end

--- Keep the place.
function Place:save()
    local preferences = Settings.preferences()
    for _, kept in ipairs(KEPT) do
        local value = self[kept.field]
        if type(value) == "number" then value = string.format("%.0f", value) end
        if preferences[kept.key] ~= value then preferences[kept.key] = value end
    end
end

--- Everything up to a position is handled; never goes back.
-- @param newPosition number
function Place:moveTo(newPosition)
    if newPosition > (self.position or -1) then
        self.position = newPosition
        self:save()
    end
end

--- Begin at the start of a log.
-- @param epoch its name
function Place:startOver(epoch)
    self.position, self.epoch = 0, epoch
    self:save()
end

--- Forget the client, not the place.
function Place:forgetClient()
    self.client, self.clientId, self.cursor = nil, nil, nil
    self:save()
end

return Place
