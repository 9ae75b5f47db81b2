--- Follows the server by long-polling: shakes hands, subscribes, asks again and again, for ever.

local LrDate = import 'LrDate'
local LrTasks = import 'LrTasks'
local Backoff = require 'Backoff'
local Channels = require 'Channels'
local Conversation = require 'Conversation'
local Generation = require 'Generation'
local Log = require 'Log'
local Place = require 'Place'
local Reception = require 'Reception'
local Retry = require 'Retry'
local Settings = require 'Settings'
local Tasks = require 'Tasks'

local Poller = {}
Poller.__index = Poller

local WAIT_SECONDS = 25
local MANY_MESSAGES = 100 -- of an answer: there are more that happened before
local SHORTEST_SECONDS = 1 -- an answer without anything that comes sooner is no reason to ask at once

--- @param listeners Listeners that are told `connected` {client_id}, `disconnected` {text}, `error`, and all messages
function Poller.new(listeners)
    return setmetatable({
        listeners = listeners,
        retry = Retry.new("Following the server", listeners),
        gaps = Backoff.new(),
        channels = Channels.of({ "jobs", "photos", "system" }),
        run = 0, -- which connect() is the one that counts; 0 for none
        runs = 0,
        isLive = false,
        isSubscribed = false,
        isCatchingUp = false, -- what is told happened before
    }, Poller)
end

--- Begin to follow; from anywhere.
function Poller:connect()
    if self.run ~= 0 then return end
    self.runs = self.runs + 1
    local run = self.runs
    self.run = run
    Tasks.start("poller", function()
        self:follow(run)
    end)
end

--- Follow no more; from anywhere. What is under way is not heard of again.
function Poller:disconnect()
    if self.run == 0 then return end
    self.run = 0
    local clientId = self.place and self.place.clientId
    if clientId then
        self.place:forgetClient()
        Tasks.start("goodbye", function()
            Conversation.leave(clientId)
        end)
    end
    self:setLive(false, "disconnected")
end

--- Follow these channels from now on; from anywhere. A client that is followed already is exchanged for another one.
-- @param channels Channels
-- @return true
function Poller:setChannels(channels)
    self.channels = channels
    if self.run ~= 0 then
        self:disconnect()
        self:connect()
    end
    return true
end

--- Send a message that is no event; its answer is told as a message is. From anywhere.
-- @param message table
-- @return true; or nil while the server is not followed
function Poller:ask(message)
    local clientId = self:clientId()
    if not clientId then return nil, "not connected" end
    Tasks.start("message", function()
        local response, problem = Conversation.say(clientId, message)
        if not response then return Log.warn("A message was not answered: " .. problem.text) end
        self.reception:tell(response)
    end)
    return true
end

--- The id that the server knows this client by; nil while there is none.
function Poller:clientId()
    return self.isLive and self.place.clientId or nil
end

function Poller:isCurrent(run)
    return self.run == run and Generation.isCurrent()
end

function Poller:setLive(isLive, text)
    if self.isLive == isLive then return end
    self.isLive = isLive
    Log.info(isLive and "Following the server" or "Not following the server: " .. text)
    if isLive then
        self.listeners:tellSoon("connected", { client_id = self.place.clientId })
    else
        self.listeners:tellSoon("disconnected", { text = text })
    end
end

-- Which client this is: one of another address, or with other channels, is not resumed.
function Poller:describe()
    return Settings.address() .. " " .. table.concat(self.channels:list(), ",")
end

function Poller:follow(run)
    if not self.place then
        self.place = Place.load()
        self.reception = Reception.new(self.place, self.listeners)
    end
    self.isSubscribed = self.place.cursor ~= nil and self.place.client == self:describe()
    if not self.isSubscribed then self.place:forgetClient() end
    self.isCatchingUp = true
    while self:isCurrent(run) do
        local ok, wait = LrTasks.pcall(self.step, self, run)
        if not ok then wait = self:failed({ text = tostring(wait) }) end
        if wait and self:isCurrent(run) then LrTasks.sleep(wait) end
    end
end

-- One question and its answer. Returns the seconds to wait before the next, or nil.
function Poller:step(run)
    if not self.place.clientId then return self:shakeHands(run) end
    if not self.isSubscribed then return self:subscribe(run) end
    return self:poll(run)
end

function Poller:failed(problem)
    local wasLive = self.isLive
    self:setLive(false, problem.text)
    if problem.code == "unknown_client" then
        -- The server was started anew, or did not hear of us for minutes.
        self.place:forgetClient()
        if wasLive then return nil end
    end
    return self.retry:failed(problem)
end

function Poller:shakeHands(run)
    local answer, problem = Conversation.shakeHands()
    if not self:isCurrent(run) then return end
    if not answer then return self:failed(problem) end
    local place = self.place
    place.client, place.clientId, place.cursor = self:describe(), answer.client_id, answer.cursor
    place.epoch = place.position and place.epoch or answer.epoch
    place:save()
    self.isSubscribed = false
end

function Poller:subscribe(run)
    local place = self.place
    local after, problem = Conversation.subscribe(place.clientId, self.channels:list(), place.position, place.epoch)
    if not self:isCurrent(run) then return end
    if after then
        self.isSubscribed = true
        self.isCatchingUp = place.position ~= nil
        if not place.position then place:moveTo(after) end
        self.retry:succeeded()
        self:setLive(true)
    elseif problem.code == "invalid_query" and problem.field == "after" then
        self:startOver()
    else
        return self:failed(problem)
    end
end

-- The log is shorter than what was seen of it: it was put back from a copy, and is another one of the same name.
function Poller:startOver()
    local epoch = self.place.epoch
    Log.warn("The server's log is shorter than before: it is followed from its beginning")
    self.place:startOver(epoch)
    self.reception:tell({ type = "reset", epoch = epoch })
end

function Poller:poll(run)
    local place, asked = self.place, LrDate.currentTime()
    -- At first, that somebody answers at all is the news.
    local wait = self.isLive and not self.isCatchingUp and WAIT_SECONDS or 0
    local answer, problem = Conversation.poll(place.clientId, place.cursor, wait)
    if not self:isCurrent(run) then return end
    if not answer then return self:failed(problem) end
    self.retry:succeeded()
    self:setLive(true)
    self.isCatchingUp = #answer.messages >= MANY_MESSAGES
    local isAllTaken, why = self.reception:receive(answer.messages, function()
        return self:isCurrent(run)
    end)
    if why == "gap" then return self:missed() end
    if not isAllTaken then return end
    place.cursor = answer.cursor
    place:save()
    local isTooSoon = LrDate.currentTime() - asked < math.min(wait, SHORTEST_SECONDS)
    if #answer.messages == 0 and isTooSoon then return SHORTEST_SECONDS end
end

-- Asked for again from the last event that came; missed again at the same place, not at once.
function Poller:missed()
    self.isSubscribed = false
    if self.missedAt ~= self.place.position then
        self.missedAt = self.place.position
        self.gaps:reset()
        return nil
    end
    return self.gaps:next()
end

return Poller
