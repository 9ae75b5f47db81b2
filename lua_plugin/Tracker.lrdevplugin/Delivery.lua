--- Posts the outbox to the server, oldest events first, until it is empty; what fails is tried again, for ever.

local LrTasks = import 'LrTasks'
local Generation = require 'Generation'
local Http = require 'Http'
local Json = require 'Json'
local Log = require 'Log'
local Retry = require 'Retry'
local Tasks = require 'Tasks'

local Delivery = {}
Delivery.__index = Delivery

local MOST_EVENTS = 200
local MOST_BYTES = 200 * 1024 -- the server takes bodies of 256 KiB
local TIMEOUT_SECONDS = 30

-- Statuses that say nothing of the events: the same question may be answered another way later.
local LATER = { [401] = true, [403] = true, [405] = true, [408] = true, [415] = true, [425] = true, [429] = true }

--- @param outbox Outbox
-- @param listeners Listeners that are told `refused` {event, code, text}, and `error`
function Delivery.new(outbox, listeners)
    return setmetatable({
        outbox = outbox,
        listeners = listeners,
        retry = Retry.new("Delivering events", listeners),
        mostEvents = MOST_EVENTS,
        isRunning = false,
    }, Delivery)
end

--- See to it that what is in the outbox is being posted. From anywhere; returns at once.
function Delivery:wake()
    if self.isRunning or self.outbox:count() == 0 or not Generation.isCurrent() then return end
    self.isRunning = true
    Tasks.start("delivery", function()
        self:run()
    end)
end

function Delivery:run()
    while Generation.isCurrent() and self.outbox:count() > 0 do
        local ok, wait = LrTasks.pcall(self.deliver, self)
        if not ok then wait = self.retry:failed({ text = tostring(wait) }) end
        if wait then LrTasks.sleep(wait) end
    end
    self.isRunning = false
end

-- Whether this is the answer to so many events, and not to something else.
local function recordsAll(answer, count)
    return type(answer.events) == "table" and #answer.events == count
end

local function isFinal(problem)
    local status = problem.status or 0
    return problem.code and problem.code ~= "not_found" and status >= 400 and status < 500 and not LATER[status]
end

-- Returns the seconds to wait before the next, or nil.
function Delivery:deliver()
    local batch, texts = self.outbox:batch(self.mostEvents, MOST_BYTES)
    local answer, problem = Http.post("/events", "[" .. table.concat(texts, ",") .. "]", TIMEOUT_SECONDS)
    if not Generation.isCurrentNow() then return end -- a later load of the plug-in has the outbox, and posts them again
    if answer and recordsAll(answer, #batch) then
        self.outbox:acknowledge(batch)
        self.mostEvents = math.min(MOST_EVENTS, self.mostEvents * 2)
        self.retry:succeeded()
    elseif answer then
        return self.retry:failed({ text = "the answer is not one to these events" })
    elseif isFinal(problem) then
        self:refused(batch, problem)
    else
        return self.retry:failed(problem)
    end
end

-- None of the batch was recorded. The one that is to blame is taken out; where it is not named, a smaller batch shows.
function Delivery:refused(batch, problem)
    local event = batch[(problem.index or -1) + 1] or (#batch == 1 and batch[1])
    if not event then
        self.mostEvents = math.max(1, math.floor(#batch / 2))
        return
    end
    self.outbox:discard(event)
    Log.error("The server refused an event of job " .. event.job .. " (" .. problem.code .. "): " .. problem.text)
    self.listeners:tell("refused", {
        event = Json.decode(event.text),
        code = problem.code,
        text = problem.text,
    })
end

return Delivery
