--- Which load of the plug-in is the one that counts.
--
-- Reloading a plug-in does not stop the tasks of the code before: those ask here, and stop by themselves. Only `_G`
-- outlives a reload.

local Generation = {}

local shared = rawget(_G, 'jobreel')
if type(shared) ~= "table" or type(shared.generation) ~= "number" then
    shared = { generation = 0 }
    rawset(_G, 'jobreel', shared)
end
shared.generation = shared.generation + 1
local mine = shared.generation

--- Whether no later load has taken over.
-- @return boolean
function Generation.isCurrent()
    return shared.generation == mine
end

--- What there is one of, whatever the number of loads. The latest load makes it anew; code of an earlier one, still
-- running, is given the latest, too.
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
