--- What a journal says: the events that are not done, in their order.

local JournalLine = require 'JournalLine'

local JournalContents = {}
JournalContents.__index = JournalContents

function JournalContents.new()
    return setmetatable({
        byNumber = {},
        doneUpTo = 0,
        offered = 0,
        nextNumber = 1,
        damaged = 0, -- lines that could not be read
        cut = 0, -- files that end within a line
        isComplete = false, -- whether the beginning is all there
    }, JournalContents)
end

local function take(contents, said)
    if said.what == "E" then
        contents.byNumber[said.number] = said
        contents.nextNumber = math.max(contents.nextNumber, said.number + 1)
    elseif said.what == "T" then
        contents.offered = math.max(contents.offered, said.number)
    elseif said.what == "D" then
        contents.doneUpTo = math.max(contents.doneUpTo, said.number)
    elseif said.what == "X" then
        contents.byNumber[said.number] = nil
    else
        contents.isComplete = true
        contents.nextNumber = math.max(contents.nextNumber, said.next)
        contents.offered = math.max(contents.offered, said.offered)
    end
end

--- Read a file's text on top of what was read before.
-- @param text string
function JournalContents:read(text)
    local at = 1
    while at <= #text do
        local ending = text:find("\n", at, true)
        if not ending then
            self.cut = self.cut + 1
            return
        end
        local said = JournalLine.read(text:sub(at, ending - 1))
        if said then take(self, said) else self.damaged = self.damaged + 1 end
        at = ending + 1
    end
end

--- Whether nothing is wrong with it.
-- @return boolean
function JournalContents:isSound()
    return self.isComplete and self.cut == 0 and self.damaged == 0
end

--- The events that are not done.
-- @return list of tables with `number`, `kind`, `job`, `text`
function JournalContents:events()
    local events = {}
    for number, event in pairs(self.byNumber) do
        if number > self.doneUpTo then events[#events + 1] = event end
    end
    table.sort(events, function(one, other)
        return one.number < other.number
    end)
    return events
end

return JournalContents
