--- Tasks that never end in one of Lightroom's error dialogs.

local LrTasks = import 'LrTasks'
local Log = require 'Log'

local Tasks = {}

--- Run a function as a task, from inside or outside of one. What it raises is logged.
-- @param name string for the log
-- @param work function without arguments; may yield
function Tasks.start(name, work)
    LrTasks.startAsyncTask(function()
        local ok, problem = LrTasks.pcall(work)
        if not ok then Log.error(name .. " failed: " .. tostring(problem)) end
    end, "jobreel " .. name)
end

return Tasks
