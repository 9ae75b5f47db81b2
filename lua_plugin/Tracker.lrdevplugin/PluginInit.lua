-- Lightroom runs this when it loads the plug-in: at its start, and after "Reload Plug-in".
local Log = require 'Log'

-- What is raised here would be one of Lightroom's error dialogs, at every start.
local ok, problem = pcall(function()
    require('Watch').current()
end)
if not ok then Log.error("The plug-in could not start: " .. tostring(problem)) end
