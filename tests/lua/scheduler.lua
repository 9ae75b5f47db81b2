--- Lightroom's tasks: coroutines that take turns. Who yields outside of one is told so, as Lightroom tells.

local Scheduler = {}
Scheduler.__index = Scheduler

--- @param clock `now()` in seconds; `pause(readers, writers, seconds)` lets time pass, returns the sets of ready sockets
function Scheduler.new(clock)
    return setmetatable({ clock = clock, tasks = {}, threads = {}, failures = {} }, Scheduler)
end

--- Run a function as a task, from its next turn on.
function Scheduler:start(work, name)
    local task = { name = name, thread = coroutine.create(work) }
    self.threads[task.thread] = true
    table.insert(self.tasks, task)
end

--- Give the youngest task its first turn at once.
function Scheduler:startNow()
    self:resume(self.tasks[#self.tasks])
end

function Scheduler:isInTask()
    local thread = coroutine.running()
    return thread ~= nil and self.threads[thread] == true
end

--- Wait within a task: until a time, or until a socket is ready.
-- @param wait table with `at` (seconds of the clock), `reader`, `writer`
function Scheduler:wait(wait, caller)
    if not self:isInTask() then error(caller .. " may be called in a task only", 3) end
    return coroutine.yield(wait)
end

--- pcall() for what yields: a thread of its own, whose yields are handed on.
function Scheduler:pcall(call, ...)
    if not self:isInTask() then return pcall(call, ...) end
    local thread = coroutine.create(call)
    self.threads[thread] = true
    local function go(ok, ...)
        if ok and coroutine.status(thread) ~= "dead" then
            return go(coroutine.resume(thread, coroutine.yield(...)))
        end
        self.threads[thread] = nil
        return ok, ...
    end
    return go(coroutine.resume(thread, ...))
end

function Scheduler:isReady(task, readers, writers)
    local wait = task.wait
    if not wait then return true end
    if wait.at and self.clock.now() >= wait.at then return true end
    return readers[wait.reader or false] or writers[wait.writer or false]
end

function Scheduler:resume(task)
    local ok, wait = coroutine.resume(task.thread)
    if not ok then table.insert(self.failures, task.name .. ": " .. debug.traceback(task.thread, tostring(wait))) end
    task.wait = ok and wait or nil
    task.isOver = coroutine.status(task.thread) == "dead"
    if task.isOver then self.threads[task.thread] = nil end
end

function Scheduler:turn(readers, writers)
    for _, task in ipairs({ unpack(self.tasks) }) do
        if not task.isOver and self:isReady(task, readers, writers) then self:resume(task) end
    end
    local left = {}
    for _, task in ipairs(self.tasks) do
        if not task.isOver then table.insert(left, task) end
    end
    self.tasks = left
end

function Scheduler:pause(deadline)
    local readers, writers, at = {}, {}, deadline
    for _, task in ipairs(self.tasks) do
        local wait = task.wait or { at = 0 }
        if wait.reader then table.insert(readers, wait.reader) end
        if wait.writer then table.insert(writers, wait.writer) end
        if wait.at then at = math.min(at, wait.at) end
    end
    return self.clock.pause(readers, writers, math.max(0, at - self.clock.now()))
end

--- Let the tasks run until a condition holds.
-- @param isDone function
-- @param patience seconds of the clock
-- @return whether it held before the patience was over
function Scheduler:run(isDone, patience)
    local deadline = self.clock.now() + patience
    local readers, writers = {}, {}
    while true do
        if isDone() then return true end
        if self.clock.now() >= deadline then return false end
        self:turn(readers, writers)
        if isDone() then return true end
        readers, writers = self:pause(deadline)
    end
end

return Scheduler
