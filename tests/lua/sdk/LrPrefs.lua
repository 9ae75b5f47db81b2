--- See Namespace LrPrefs of the SDK: what is assigned is kept; changes within a table are not, until it is assigned.

local PLAIN = { ["nil"] = true, string = true, number = true, boolean = true, table = true }

local function deepCopy(value)
    if type(value) ~= "table" then return value end
    local fields = {}
    for key, field in pairs(value) do
        fields[key] = deepCopy(field)
    end
    return fields
end

return function(world)
    local kept = world.preferences
    local preferences = setmetatable({}, {
        __index = function(_, key)
            return deepCopy(kept[key])
        end,
        __newindex = function(_, key, value)
            assert(type(key) == "string", "LrPrefs: keys are strings")
            assert(PLAIN[type(value)], "LrPrefs: a " .. type(value) .. " cannot be kept")
            world.preferenceWrites = world.preferenceWrites + 1
            kept[key] = deepCopy(value)
        end,
    })

    return {
        prefsForPlugin = function(id)
            assert(id == nil or type(id) == "string", "LrPrefs.prefsForPlugin: the id must be a string")
            return preferences
        end,
    }
end
