--- The lines of a journal.
--
--     E number kind jobLength textLength job text    an event; again with the same number: it takes the other's place
--     T number                                       the server may have seen all up to this one
--     D number                                       all up to this one are done
--     X number                                       this one is done, or was left out
--     C next offered                                 what stands above is complete
--
-- A line that is cut short, by a crash or a full disk, is none of these.

local JournalLine = {}

--- @param event table of Outbox
-- @param text string, the event as it is sent
function JournalLine.event(event, text)
    local head = string.format("E %.0f %s %d %d ", event.number, event.kind, #event.job, #text)
    return head .. event.job .. " " .. text .. "\n"
end

function JournalLine.offered(number)
    return string.format("T %.0f\n", number)
end

function JournalLine.done(number)
    return string.format("D %.0f\n", number)
end

function JournalLine.gone(number)
    return string.format("X %.0f\n", number)
end

function JournalLine.complete(nextNumber, offered)
    return string.format("C %.0f %.0f\n", nextNumber, offered)
end

local function readEvent(line)
    local _, last, number, kind, jobLength, textLength = line:find("^E (%d+) ([tm]) (%d+) (%d+) ")
    if not last then return nil end
    local textAt = last + tonumber(jobLength) + 2
    -- The lengths leave no room for a line that lost a part, or took one of another.
    if #line ~= textAt + tonumber(textLength) - 1 or line:sub(-1) ~= "}" or line:sub(textAt, textAt) ~= "{" then
        return nil
    end
    return {
        what = "E",
        number = tonumber(number),
        kind = kind,
        job = line:sub(last + 1, textAt - 2),
        text = line:sub(textAt),
    }
end

--- @param line string without its line break
-- @return table with `what`, the line's letter, and what it says; nil for a damaged one
function JournalLine.read(line)
    if line:sub(1, 1) == "E" then return readEvent(line) end
    local what, number = line:match("^([TDX]) (%d+)$")
    if what then return { what = what, number = tonumber(number) } end
    local nextNumber, offered = line:match("^C (%d+) (%d+)$")
    if nextNumber then return { what = "C", next = tonumber(nextNumber), offered = tonumber(offered) } end
end

return JournalLine
