--- See Namespace LrFunctionContext of the SDK.

return function(world)
    local LrFunctionContext = {}

    local function finish(context, ok, ...)
        context.isAlive = false
        if not ok then error((...), 0) end
        return ...
    end

    function LrFunctionContext.callWithContext(name, call, ...)
        assert(type(name) == "string" and type(call) == "function", "callWithContext: a name and a function")
        local context = { isFunctionContext = true, isAlive = true }
        return finish(context, world.scheduler:pcall(call, context, ...))
    end

    return LrFunctionContext
end
