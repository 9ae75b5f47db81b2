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

--- What all loads share: `client`, the one that holds the outbox.
-- @return table
function Generation.shared()
    return shared
end

return Generation
