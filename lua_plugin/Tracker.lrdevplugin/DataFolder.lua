--- Where the plug-in keeps its files: `jobreel`, in the folder that Lightroom names for the data of applications.

local LrFileUtils = import 'LrFileUtils'
local LrPathUtils = import 'LrPathUtils'

local DataFolder = {}

--- @return path of the folder; it may not be there yet
function DataFolder.path()
    return LrPathUtils.child(LrPathUtils.getStandardFilePath("appData"), "jobreel")
end

--- Keep a text in a small file.
-- @param name of the file
-- @param text string
-- @return whether it is on the disk
function DataFolder.write(name, text)
    LrFileUtils.createAllDirectories(DataFolder.path())
    local file = io.open(LrPathUtils.child(DataFolder.path(), name), "wb")
    if not file then return false end
    local ok = file:write(text)
    file:close()
    return ok and true or false
end

--- @param name of a file
-- @return its text, or nil
function DataFolder.read(name)
    local file = io.open(LrPathUtils.child(DataFolder.path(), name), "rb")
    local text = file and file:read("*a")
    if file then file:close() end
    return text
end

return DataFolder
