--- The channels that are followed: a set, in a fixed order.

local Channels = {}
Channels.__index = Channels

local MOST_CHARACTERS = 210 -- "job:" and an id

--- @param names list of names
-- @return Channels; or nil and what is wrong
function Channels.of(names)
    local channels = setmetatable({ names = {} }, Channels)
    if type(names) ~= "table" then return nil, "channels: must be a list of names" end
    for _, name in ipairs(names) do
        if type(name) ~= "string" or name == "" or #name > MOST_CHARACTERS * 4 or name:find("%c") then
            return nil, "channels: must be a list of names"
        end
        channels.names[name] = true
    end
    return channels
end

--- @return list of the names, sorted
function Channels:list()
    local list = {}
    for name in pairs(self.names) do
        list[#list + 1] = name
    end
    table.sort(list)
    return list
end

--- These and others.
function Channels:with(others)
    local both = Channels.of(self:list())
    for name in pairs(others.names) do
        both.names[name] = true
    end
    return both
end

--- These without others.
function Channels:without(others)
    local left = Channels.of(self:list())
    for name in pairs(others.names) do
        left.names[name] = nil
    end
    return left
end

return Channels
