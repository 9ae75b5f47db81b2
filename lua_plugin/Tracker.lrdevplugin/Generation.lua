--- Which load of the plug-in is the one that counts.
--
-- Reloading a plug-in does not stop the tasks of the code before: those ask here, and stop by themselves. Whether `_G`
-- outlives a reload is told both ways by those who measured it, so the latest load leaves its mark on the disk, too.

local LrDate = import 'LrDate'
local DataFolder = require 'DataFolder'

local Generation = {}

local FILE = "loaded"
local LOOK_SECONDS = 0.25

local shared = rawget(_G, 'jobreel')
if type(shared) ~= "table" or type(shared.generation) ~= "number" then
    shared = { generation = 0 }
    rawset(_G, 'jobreel', shared)
end
shared.generation = shared.generation + 1

local mine = shared.generation
-- All are of one length, by which half a mark is known.
local mark = string.format("%017.6f %010.0f", LrDate.currentTime(), math.random() * 2 ^ 31)
local ok, isMarked = pcall(DataFolder.write, FILE, mark)
isMarked = ok and isMarked
local isLatest, lookAt = true, 0

local function look()
    if not isMarked or not isLatest then return end
    local read, text = pcall(DataFolder.read, FILE)
    -- A mark that cannot be read, or is only half there, says nothing; another one does.
    if read and text and text ~= mark and #text >= #mark then isLatest = false end
end

--- Whether no later load has taken over, as of a quarter of a second ago.
-- @return boolean
function Generation.isCurrent()
    local now = LrDate.currentTime()
    if now >= lookAt or now < lookAt - LOOK_SECONDS then
        lookAt = now + LOOK_SECONDS
        look()
    end
    return isLatest and shared.generation == mine
end

--- Whether no later load has taken over, as of now: before what only one may do.
-- @return boolean
function Generation.isCurrentNow()
    lookAt = 0
    return Generation.isCurrent()
end

--- Whether this load's outbox may be written: no later load took over that cannot be seen in `_G`. One that can be
-- seen there takes this one's outbox over itself, when it opens its own.
-- @return boolean
function Generation.mayWrite()
    return Generation.isCurrentNow() or shared.generation ~= mine
end

--- What there is one of, whatever the number of loads: the latest makes it anew. Code of an earlier load that still
-- runs is given the latest one if it can see it, else its own.
-- @param name string
-- @param make function(earlier): returns it; `earlier` is the one of the load before, or nil
-- @return what `make` returned
function Generation.one(name, make)
    local kept = shared[name]
    if not kept or (kept.generation ~= shared.generation and Generation.isCurrent()) then
        kept = { value = make(kept and kept.value), generation = shared.generation }
        shared[name] = kept
    end
    return kept.value
end

return Generation
