--- Who is told of what: handlers, one for a name, and listeners, any number.
--
-- A name is the type of a message (`job_progress`, `caught_up`, …), `message` for all of them, or one of the plug-in's
-- own: `connected`, `disconnected`, `refused`, `thinned`, `error`.

local LrTasks = import 'LrTasks'
local Log = require 'Log'
local Tasks = require 'Tasks'

local Listeners = {}
Listeners.__index = Listeners

function Listeners.new()
    return setmetatable({ handlers = {}, listeners = {} }, Listeners)
end

local function check(name, call)
    if type(name) ~= "string" or name == "" then return nil, "the name must be a text" end
    if type(call) ~= "function" then return nil, "the listener must be a function" end
    return true
end

--- Have one function called for a name; a later one takes its place, nil takes it away.
-- @return true, or nil and what is wrong
function Listeners:handle(name, call)
    if call ~= nil or type(name) ~= "string" then
        local ok, problem = check(name, call)
        if not ok then return nil, problem end
    end
    self.handlers[name] = call
    return true
end

--- Have one more function called for a name; the same one twice is called once.
-- @return true, or nil and what is wrong
function Listeners:add(name, call)
    local ok, problem = check(name, call)
    if not ok then return nil, problem end
    self:remove(name, call)
    self.listeners[name] = self.listeners[name] or {}
    table.insert(self.listeners[name], call)
    return true
end

--- @return true if it was there, else false
function Listeners:remove(name, call)
    for index, listener in ipairs(self.listeners[name] or {}) do
        if listener == call then
            table.remove(self.listeners[name], index)
            return true
        end
    end
    return false
end

--- Call those of a name, one after the other. In a task only: they may yield. What one raises is logged, and the
-- others are called all the same.
-- @param name string
-- @param data table that they are given
function Listeners:tell(name, data)
    local calls = { self.handlers[name] }
    for _, listener in ipairs(self.listeners[name] or {}) do
        calls[#calls + 1] = listener
    end
    for _, call in ipairs(calls) do
        local ok, problem = LrTasks.pcall(call, data)
        if not ok then Log.error("A listener for " .. name .. " failed: " .. tostring(problem)) end
    end
end

--- The same from anywhere, soon.
function Listeners:tellSoon(name, data)
    if not self.handlers[name] and #(self.listeners[name] or {}) == 0 then return end
    Tasks.start("telling of " .. name, function()
        self:tell(name, data)
    end)
end

return Listeners
