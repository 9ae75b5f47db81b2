--- See Namespace LrPathUtils of the SDK; of the standard folders, those of the world.

local STANDARD = { home = true, temp = true, desktop = true, appPrefs = true, pictures = true, documents = true, appData = true }

return function(world)
    local LrPathUtils = {}

    function LrPathUtils.child(path, child)
        assert(type(path) == "string" and type(child) == "string", "LrPathUtils.child: two strings")
        return path .. "/" .. child
    end

    function LrPathUtils.leafName(path)
        assert(type(path) == "string", "LrPathUtils.leafName: a string")
        return path:match("([^/]*)$")
    end

    function LrPathUtils.parent(path)
        assert(type(path) == "string", "LrPathUtils.parent: a string")
        return path:match("^(.+)/[^/]*$")
    end

    function LrPathUtils.getStandardFilePath(which)
        assert(STANDARD[which], "LrPathUtils.getStandardFilePath: there is no folder " .. tostring(which))
        return world.folder
    end

    return LrPathUtils
end
