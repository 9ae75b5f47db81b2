--- See Namespace LrFileUtils of the SDK.

local lfs = require 'lfs'

return function(world)
    local LrFileUtils = {}

    local function checkPath(path)
        assert(type(path) == "string" and path ~= "", "LrFileUtils: the path must be a string")
    end

    function LrFileUtils.exists(path)
        checkPath(path)
        local mode = lfs.attributes(path, "mode")
        return mode == "directory" and "directory" or mode == "file" and "file" or false
    end

    function LrFileUtils.createAllDirectories(path)
        checkPath(path)
        world:operation("mkdir", path)
        local parent = path:match("^(.+)/[^/]*$")
        if parent and not lfs.attributes(parent) then LrFileUtils.createAllDirectories(parent) end
        return lfs.mkdir(path) and true or false
    end

    function LrFileUtils.delete(path)
        checkPath(path)
        world:operation("delete", path)
        if world.cannotDelete and path:find(world.cannotDelete, 1, true) then return false, "the file is in use" end
        local ok, problem = os.remove(path)
        return ok and true or false, problem
    end

    function LrFileUtils.files(path)
        checkPath(path)
        local paths = {}
        for name in lfs.dir(path) do
            if lfs.attributes(path .. "/" .. name, "mode") == "file" then table.insert(paths, path .. "/" .. name) end
        end
        table.sort(paths, function(one, other)
            return one > other -- in no order that is promised
        end)
        local index = 0
        return function()
            index = index + 1
            return paths[index]
        end
    end

    return LrFileUtils
end
