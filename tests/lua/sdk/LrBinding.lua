--- See Namespace LrBinding of the SDK: property tables live as long as their context.

return function()
    local LrBinding = {}

    function LrBinding.makePropertyTable(context)
        assert(type(context) == "table" and context.isFunctionContext, "LrBinding: a function context is needed")
        local kept = {}
        return setmetatable({}, {
            __index = kept,
            __newindex = function(_, key, value)
                assert(context.isAlive, "LrBinding: the context of these properties is over")
                assert(type(key) == "string", "LrBinding: keys are strings")
                kept[key] = value
            end,
        })
    end

    return LrBinding
end
