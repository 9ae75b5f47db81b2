--- Which progress events are left out when the outbox is full: every second one, from the oldest on.
--
-- Of each job the last event that waits stays, whatever it is: it says how far the job is, and it carries the number
-- of those that were left out before it.

local Thinning = {}

-- The progress events that have a later event of their job, oldest first.
local function candidates(events, first)
    local found, followed = {}, {}
    for index = #events, first, -1 do
        local event = events[index]
        if event.kind == "t" and followed[event.job] then table.insert(found, index) end
        followed[event.job] = true
    end
    local ascending = {}
    for index = #found, 1, -1 do
        ascending[#ascending + 1] = found[index]
    end
    return ascending
end

--- Choose what to leave out.
-- @param events list of events with `kind` ("t" for progress), `job`, `size` (bytes)
-- @param first index from which events may be left out
-- @param count how many events are to go, at least
-- @param bytes how many bytes are to go, at least
-- @return table of index to true; events that go; bytes that go. Fewer than wanted, if there is no more to leave out.
function Thinning.choose(events, first, count, bytes)
    local chosen, goneCount, goneBytes = {}, 0, 0
    local left = candidates(events, first)
    while #left > 0 and (goneCount < count or goneBytes < bytes) do
        local kept = {}
        for place, index in ipairs(left) do
            local isEnough = goneCount >= count and goneBytes >= bytes
            if place % 2 == 1 and not isEnough then
                chosen[index] = true
                goneCount = goneCount + 1
                goneBytes = goneBytes + events[index].size
            else
                kept[#kept + 1] = index
            end
        end
        left = kept
    end
    return chosen, goneCount, goneBytes
end

return Thinning
