--- See Namespace LrDate of the SDK: seconds since 2001-01-01, UTC.

local FROM_1970_TO_2001 = 978307200

return function(world)
    local LrDate = {}

    function LrDate.currentTime()
        return world.clock.now() - FROM_1970_TO_2001
    end

    function LrDate.timeToPosixDate(time)
        assert(type(time) == "number", "LrDate.timeToPosixDate: time must be a number")
        return time + FROM_1970_TO_2001
    end

    return LrDate
end
