--- The events that the server has not acknowledged, in their order: in memory, and in a journal on the disk.

local Clock = require 'Clock'
local Journal = require 'Journal'
local JournalLine = require 'JournalLine'
local Log = require 'Log'
local Thinning = require 'Thinning'

local Outbox = {}
Outbox.__index = Outbox

Outbox.MOST_EVENTS = 10000
Outbox.MOST_BYTES = 8 * 1024 * 1024
local ROOM_MADE = 0.05 -- of what fits: thinning for each single event would cost a search each time
local REPAIR_AFTER_SECONDS = 10
local SPARE_JOURNAL_BYTES = 256 * 1024

-- The text of an event as it is sent: with the number of progress events of its job that were left out before it.
local function sent(event)
    if event.thinned == 0 then return event.text end
    return string.format('{"thinned":%d,', event.thinned) .. event.text:sub(2)
end

local function resumed(read)
    local thinned, rest = read.text:match('^{"thinned":(%d+),(.*)$')
    local text = thinned and "{" .. rest or read.text
    return { number = read.number, kind = read.kind, job = read.job, text = text, thinned = tonumber(thinned or 0) }
end

--- Open the outbox of a folder; what was in it is in it again.
-- @param folder path, for the journal
-- @param limits table with `events` and `bytes`, or nil for 10,000 and 8 MiB
function Outbox.open(folder, limits)
    local outbox = setmetatable({
        journal = Journal.new(folder),
        mostEvents = limits and limits.events or Outbox.MOST_EVENTS,
        mostBytes = limits and limits.bytes or Outbox.MOST_BYTES,
        events = {}, -- oldest first
        bytes = 0,
        repairAt = 0,
    }, Outbox)
    local contents = outbox.journal:open()
    outbox.nextNumber, outbox.offered = contents.nextNumber, contents.offered
    for _, read in ipairs(contents:events()) do
        outbox:push(resumed(read))
    end
    return outbox
end

function Outbox:push(event)
    event.size = #sent(event) + #event.job
    self.events[#self.events + 1] = event
    self.bytes = self.bytes + event.size
end

--- How many events wait.
-- @return number
function Outbox:count()
    return #self.events
end

--- Take an event in: when this returns it is on the disk.
-- A disk that cannot be written keeps nobody waiting: the event is in memory then, and the log says so.
-- @param kind "t" for progress, which may be thinned, "m" for the others
-- @param job string, the job's id
-- @param text string, the event's JSON object
-- @return true; or nil if the outbox is full, and nothing is left that could be thinned
-- @return how many progress events were left out for it
function Outbox:add(kind, job, text)
    local event = { number = self.nextNumber, kind = kind, job = job, text = text, thinned = 0 }
    self:push(event)
    local thinned = 0
    if self:count() > self.mostEvents or self.bytes > self.mostBytes then
        thinned = self:thin()
        if not thinned then
            self.events[#self.events] = nil
            self.bytes = self.bytes - event.size
            return nil
        end
    end
    self.nextNumber = self.nextNumber + 1
    self:write(JournalLine.event(event, sent(event)))
    if thinned > 0 then self:tidy() end
    return true, thinned
end

function Outbox:thin()
    local count, bytes = #self.events - self.mostEvents, self.bytes - self.mostBytes
    local first = 1
    -- What the server may have seen already stays as it is: with the same id it must be the same event.
    while self.events[first] and self.events[first].number <= self.offered do
        first = first + 1
    end
    local wanted = count > 0 and math.max(count, self.mostEvents * ROOM_MADE) or 0
    local wantedBytes = bytes > 0 and math.max(bytes, self.mostBytes * ROOM_MADE) or 0
    local chosen, goneCount, goneBytes = Thinning.choose(self.events, first, wanted, wantedBytes)
    if goneCount < count or goneBytes < bytes then return nil end
    self:leaveOut(chosen)
    return goneCount
end

function Outbox:leaveOut(chosen)
    local kept, lines, carried = {}, {}, {}
    for index, event in ipairs(self.events) do
        local job = event.job
        if chosen[index] then
            carried[job] = (carried[job] or 0) + 1 + event.thinned
            self.bytes = self.bytes - event.size
            lines[#lines + 1] = JournalLine.gone(event.number)
        else
            kept[#kept + 1] = event
            if carried[job] then
                self:carry(event, carried[job])
                carried[job] = nil
                lines[#lines + 1] = JournalLine.event(event, sent(event))
            end
        end
    end
    self.events = kept
    self:write(table.concat(lines))
end

function Outbox:carry(event, thinned)
    self.bytes = self.bytes - event.size
    event.thinned = event.thinned + thinned
    event.size = #sent(event) + #event.job
    self.bytes = self.bytes + event.size
end

--- The oldest events, to be sent together.
-- @param mostEvents number, from 1
-- @param mostBytes number; a single event may have more
-- @return list of events, to be given to `acknowledge` or `discard`
-- @return list of their texts
function Outbox:batch(mostEvents, mostBytes)
    local batch, texts, bytes = {}, {}, 0
    for index = 1, math.min(#self.events, mostEvents) do
        local event = self.events[index]
        bytes = bytes + event.size
        if #batch > 0 and bytes > mostBytes then break end
        batch[#batch + 1] = event
        texts[#texts + 1] = sent(event)
    end
    local last = batch[#batch]
    if last and last.number > self.offered then
        self.offered = last.number
        self:write(JournalLine.offered(last.number))
    end
    return batch, texts
end

--- The server has these, the oldest ones.
-- @param batch list that `batch` gave
function Outbox:acknowledge(batch)
    local left = {}
    for index, event in ipairs(self.events) do
        if index > #batch then
            left[#left + 1] = event
        else
            assert(batch[index] == event, "only the oldest events are acknowledged")
            self.bytes = self.bytes - event.size
        end
    end
    self.events = left
    self:write(JournalLine.done(batch[#batch].number))
    self:tidy()
end

--- The server refused this one for good.
-- @param refused one of those that `batch` gave
function Outbox:discard(refused)
    for index, event in ipairs(self.events) do
        if event == refused then
            table.remove(self.events, index)
            self.bytes = self.bytes - event.size
            self:write(JournalLine.gone(event.number))
            return self:tidy()
        end
    end
end

function Outbox:write(lines)
    if lines == "" or self.isClosed or self.journal:append(lines) or Clock.now() < self.repairAt then return end
    local ok, problem = self:rewrite()
    if ok then return end
    self.repairAt = Clock.now() + REPAIR_AFTER_SECONDS
    if not self.isInMemory then
        Log.error("The outbox is in memory only, its journal cannot be written: " .. problem)
    end
    self.isInMemory = true
end

function Outbox:rewrite()
    local lines = {}
    for _, event in ipairs(self.events) do
        lines[#lines + 1] = JournalLine.event(event, sent(event))
    end
    local ok, problem = self.journal:rewrite(table.concat(lines), self.nextNumber, self.offered)
    if not ok then return nil, problem end
    if self.isInMemory then Log.info("The outbox is on the disk again") end
    self.isInMemory = false
    return true
end

function Outbox:tidy()
    if not self.isClosed and self.journal.size > 2 * self.bytes + SPARE_JOURNAL_BYTES then self:rewrite() end
end

--- Give the journal's file back to the system, and leave it alone: another outbox has it now.
function Outbox:close()
    self.isClosed = true
    self.journal:close()
end

return Outbox
