--- What is tried until it works: how long to wait, and saying once, not at every try, that it does not.

local Backoff = require 'Backoff'
local Log = require 'Log'

local Retry = {}
Retry.__index = Retry

--- @param what string for people: "Delivering events"
-- @param listeners Listeners that are told `error` {what, text, code, status} when a failure begins or changes
function Retry.new(what, listeners)
    return setmetatable({ what = what, listeners = listeners, backoff = Backoff.new() }, Retry)
end

--- It failed. In a task only.
-- @param problem as of Http.get
-- @return seconds to wait before it is tried again, 0 to 30
function Retry:failed(problem)
    local wait = self.backoff:next(problem.retryAfter)
    if problem.text ~= self.said then
        self.said = problem.text
        Log.warn(self.what .. " failed: " .. problem.text .. "; it is tried again, for ever")
        self.listeners:tell("error", {
            what = self.what,
            text = problem.text,
            code = problem.code,
            status = problem.status,
        })
    end
    return wait
end

--- It worked.
function Retry:succeeded()
    if self.said then Log.info(self.what .. " works again") end
    self.said = nil
    self.backoff:reset()
end

return Retry
