--- What the server says, in its order: each event is handed on once, and nothing is missed unseen.

local LrTasks = import 'LrTasks'
local Log = require 'Log'

local Reception = {}
Reception.__index = Reception

local MESSAGES_A_TURN = 50 -- then Lightroom's interface has its turn

--- @param place Place that is moved forward
-- @param listeners Listeners that are told each message under its type, and under `message`
function Reception.new(place, listeners)
    return setmetatable({ place = place, listeners = listeners }, Reception)
end

function Reception:tell(message)
    self.listeners:tell(message.type, message)
    self.listeners:tell("message", message)
end

local function isPosition(value)
    return type(value) == "number" and value >= 0 and value == math.floor(value)
end

-- Said again after an answer that was lost, a notice changes nothing.
function Reception:reset(message)
    if type(message.epoch) ~= "string" or message.epoch == self.place.epoch then return end
    Log.warn("The server has another log than before: it is followed from its beginning")
    self.place:startOver(message.epoch)
    self:tell(message)
end

-- The place is not moved: of the events up to the horizon, those of jobs that are not pruned still come.
function Reception:truncated(message)
    if not isPosition(message.horizon) or message.horizon == self.truncatedAt then return end
    self.truncatedAt = message.horizon
    Log.warn(string.format("Some events up to %.0f were pruned before they were followed", message.horizon))
    self:tell(message)
end

function Reception:isGap(message)
    return isPosition(message.prev) and message.prev > (self.place.position or message.prev)
end

-- The place is moved before: a listener that takes its time, while the plug-in reconnects or is loaded anew, would be
-- given the event again.
function Reception:event(message)
    if message.position <= (self.place.position or -1) then return end
    self.place:moveTo(message.position)
    self:tell(message)
end

function Reception:caughtUp(message)
    if not isPosition(message.position) then return end
    self.place:moveTo(message.position)
    self:tell(message)
end

-- Returns false if an event is missing before this message.
function Reception:take(message)
    local kind = message.type
    -- Sent again by a replay, beside what is followed: it is neither news nor a gap.
    if message.replay == true then
        self:tell(message)
        return true
    end
    local isEvent = isPosition(message.position) and isPosition(message.sequence)
    if (isEvent or kind == "caught_up" or kind == "checkpoint") and self:isGap(message) then return false end
    if isEvent then
        self:event(message)
    elseif kind == "reset" then
        self:reset(message)
    elseif kind == "truncated" then
        self:truncated(message)
    elseif kind == "caught_up" or kind == "checkpoint" then
        self:caughtUp(message)
    else
        self:tell(message)
    end
    return true
end

--- Hand on the messages of an answer. In a task only.
-- @param messages list; what is no message in it is left out
-- @param isWanted function; once it returns false, the rest is left for later
-- @return true; false if events are missing, or the rest is not wanted: then the cursor must not be moved
function Reception:receive(messages, isWanted)
    for index, message in ipairs(messages) do
        if type(message) == "table" and type(message.type) == "string" then
            if not self:take(message) then
                Log.error("Events are missing before " .. message.type .. "; they are asked for again")
                return false, "gap"
            end
            if not isWanted() then return false end
        end
        if index % MESSAGES_A_TURN == 0 then LrTasks.yield() end
    end
    return true
end

return Reception
