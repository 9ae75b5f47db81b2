-- Lightroom runs this when it loads the plug-in: at its start, and after "Reload Plug-in".
local Log = require 'Log'

local function start()
    require('Watch').current()
end

-- What is raised here would be one of Lightroom's error dialogs, at every start.
local ok, problem = pcall(start)
if not ok then Log.error("The plug-in could not start: " .. tostring(problem)) end
