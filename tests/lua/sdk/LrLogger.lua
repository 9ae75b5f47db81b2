--- See Class LrLogger of the SDK: silent until it is enabled.

local LEVELS = { "trace", "debug", "info", "warn", "error", "fatal" }

return function(world)
    return function(name)
        assert(type(name) == "string", "LrLogger: the name must be a string")
        local logger = {}

        function logger:enable(action)
            assert(self == logger and (type(action) == "string" or type(action) == "table"), "LrLogger: enable(action)")
            world.isLogging = true
        end

        function logger:disable()
            assert(self == logger, "LrLogger: called with a colon")
            world.isLogging = false
        end

        for _, level in ipairs(LEVELS) do
            logger[level] = function(self, text)
                assert(self == logger, "LrLogger: called with a colon")
                assert(type(text) == "string", "LrLogger: the text must be a string")
                if world.isLogging then world:logged(level, text) end
            end
        end
        return logger
    end
end
