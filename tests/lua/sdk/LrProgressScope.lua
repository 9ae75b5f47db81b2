--- See Class LrProgressScope of the SDK. The scopes that were made are the world's `scopes`.

return function(world)
    local Scope = {}
    Scope.__index = Scope

    function Scope:setPortionComplete(done, total)
        assert(type(done) == "number" and done == done, "LrProgressScope: the portion must be a number")
        assert(total == nil or (type(total) == "number" and total > 0), "LrProgressScope: the total must be a number")
        local portion = done / (total or 1)
        assert(portion >= 0 and portion <= 1, "LrProgressScope: the portion must be from 0 to 1")
        self.portion = portion
    end

    function Scope:getPortionComplete()
        return self.portion
    end

    function Scope:setCaption(caption)
        assert(type(caption) == "string", "LrProgressScope: the caption must be a string")
        self.caption = caption
    end

    function Scope:setCancelable(isCancelable)
        assert(type(isCancelable) == "boolean", "LrProgressScope: true or false")
        self.isCancelable = isCancelable
    end

    function Scope:setIndeterminate()
        self.portion = nil
    end

    function Scope:isCanceled()
        return self.wasCanceled
    end

    function Scope:cancel()
        self.wasCanceled = true
    end

    function Scope:isDone()
        return self.wasDone
    end

    function Scope:done()
        self.wasDone = true
    end

    return function(arguments)
        assert(type(arguments) == "table" and type(arguments.title) == "string", "LrProgressScope: title is a string")
        local scope = setmetatable({ title = arguments.title, portion = 0, wasCanceled = false, wasDone = false }, Scope)
        table.insert(world.scopes, scope)
        return scope
    end
end
