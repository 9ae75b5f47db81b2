--- One load of the plug-in: the outbox, what posts it, and what follows the server.

local Channels = require 'Channels'
local DataFolder = require 'DataFolder'
local Delivery = require 'Delivery'
local Event = require 'Event'
local Generation = require 'Generation'
local Listeners = require 'Listeners'
local Log = require 'Log'
local Outbox = require 'Outbox'
local Poller = require 'Poller'
local Settings = require 'Settings'

local Client = {}
Client.__index = Client

local function open(earlier)
    if earlier then earlier.outbox:close() end
    local listeners = Listeners.new()
    local outbox = Outbox.open(DataFolder.path())
    local client = setmetatable({
        listeners = listeners,
        outbox = outbox,
        delivery = Delivery.new(outbox, listeners),
        poller = Poller.new(listeners),
    }, Client)
    local _, problem = Settings.address()
    if problem then Log.warn("The preference address is damaged, the default is used: " .. problem) end
    client.delivery:wake() -- what an earlier session could not deliver
    return client
end

--- The client of the latest load: code of an earlier one, still running, reports through it too.
-- @return Client
function Client.current()
    return Generation.one("client", open)
end

function Client:thinned(count)
    Log.warn("The outbox is full: " .. count .. " progress events were left out, the later ones say so")
    self.listeners:tellSoon("thinned", { count = count, waiting = self.outbox:count() })
end

function Client:isFull()
    if not self.saidFull then
        Log.error("The outbox is full, and nothing is left to thin: events are refused until the server takes some")
        self.listeners:tellSoon("error", { what = "Reporting", text = "the outbox is full", code = "outbox_full" })
    end
    self.saidFull = true
    return nil, "the outbox is full: the server does not take its events, see the log"
end

--- Take an event in; it is posted as soon as the server takes it.
-- @param message table, as Event.ready
-- @return true; or nil and what is wrong with it
function Client:report(message)
    -- The journal has one writer.
    if not Generation.mayWrite() then return nil, "the plug-in was loaded anew: this is the code before" end
    local event, problem = Event.ready(message)
    if not event then
        Log.warn("An event was refused: " .. problem)
        return nil, problem
    end
    local ok, thinned = self.outbox:add(event.kind, event.job, event.text)
    if not ok then return self:isFull() end
    self.saidFull = false
    if thinned > 0 then self:thinned(thinned) end
    self.delivery:wake()
    return true
end

--- Send any message: an event through the outbox; `subscribe`, `unsubscribe` (with `channels`), `ping` and `register`
-- to the server that is followed.
-- @param message table
-- @return true; or nil and what is wrong
function Client:send(message)
    if type(message) ~= "table" then return nil, "the message must be a table" end
    if message.type == "subscribe" or message.type == "unsubscribe" then
        local channels, problem = Channels.of(message.channels)
        if not channels then return nil, problem end
        local following = self.poller.channels
        local isMore = message.type == "subscribe"
        return self.poller:setChannels(isMore and following:with(channels) or following:without(channels))
    end
    if message.type == "ping" or message.type == "register" then return self.poller:ask(message) end
    return self:report(message)
end

return Client
