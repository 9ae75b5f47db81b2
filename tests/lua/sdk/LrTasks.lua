--- See Namespace LrTasks of the SDK.

return function(world)
    local scheduler = world.scheduler
    local LrTasks = {}

    local function start(work, name)
        assert(type(work) == "function", "LrTasks.startAsyncTask: the task must be a function")
        assert(name == nil or type(name) == "string", "LrTasks.startAsyncTask: the name must be a string")
        scheduler:start(work, name or "task")
        if world.startsAtOnce then scheduler:startNow() end
    end

    LrTasks.startAsyncTask = start
    LrTasks.startAsyncTaskWithoutErrorHandler = start

    function LrTasks.canYield()
        return scheduler:isInTask()
    end

    function LrTasks.pcall(call, ...)
        return scheduler:pcall(call, ...)
    end

    function LrTasks.sleep(seconds)
        assert(type(seconds) == "number" and seconds >= 0 and seconds < math.huge, "LrTasks.sleep: seconds from 0")
        scheduler:wait({ at = world.clock.now() + seconds / world.haste }, "LrTasks.sleep")
    end

    function LrTasks.yield()
        scheduler:wait({ at = 0 }, "LrTasks.yield")
    end

    return LrTasks
end
