local World = require 'world'

local function ready(message)
    return World.new(newFolder()).require("Event").ready(message)
end

local function decoded(message)
    local world = World.new(newFolder())
    local event = assert(world.require("Event").ready(message))
    return world.require("Json").decode(event.text, "null"), event
end

it("writes each of the seven types with its fields, its id and the time", function()
    local message, event = decoded({ type = "job_progress", job_id = "j", stage = "importing", progress = 25 })
    expect(event.kind, "t")
    expect(event.job, "j")
    expect(message.timestamp, "2025-11-09T10:30:00.250Z")
    expect(message.details, {})
    expectPart(event.text, '"details":{}')
    expect(select(2, message.event_id:gsub("^%x%x%x%x%x%x%x%x%-%x%x%x%x%-8%x%x%x%-[89ab]%x%x%x%-%x%x%x%x%x%x%x%x%x%x%x%x$", "")), 1)
    for _, other in ipairs({
        { type = "job_started", photo_info = { file_name = "a" } },
        { type = "stage_completed", stage = "importing", result = { iso = 800 } },
        { type = "photo_info", photo_id = 456, photo_data = { exif = {} } },
        { type = "error_occurred", error_type = "io", error_message = "lost", stage = "exporting" },
        { type = "job_completed", success = true, duration = 15.5 },
        { type = "job_failed", success = false, result = { error = "x" } },
    }) do
        other.job_id = "j"
        local told, made = decoded(other)
        expect(made.kind, "m", other.type)
        for name, value in pairs(other) do
            expect(told[name], value, name)
        end
    end
end)

it("leaves the caller's tables alone", function()
    local details = {}
    local message = { type = "job_progress", job_id = "j", stage = "importing", progress = 1, details = details }
    assert(ready(message))
    expect(getmetatable(details), nil)
    expect(message.event_id, nil)
end)

it("keeps an event_id that is given, and fields that the type does not know", function()
    local message = decoded({ type = "job_started", job_id = "j", event_id = "mine", camera = "R5" })
    expect(message.event_id, "mine")
    expect(message.camera, "R5")
end)

it("gives every event another id, in another session too", function()
    local seen, folder = {}, newFolder()
    for _ = 1, 3 do
        local EventId = World.new(folder).require("EventId")
        for _ = 1, 1000 do
            local id = EventId.next()
            expect(seen[id], nil)
            seen[id] = true
        end
    end
end)

local function progress(fields)
    local message = { type = "job_progress", job_id = "j", stage = "importing", progress = 1 }
    for name, value in pairs(fields) do
        message[name] = value
    end
    return message
end

it("takes what is just within the limits", function()
    for _, message in ipairs({
        progress({ progress = 0 }),
        progress({ progress = 100 }),
        progress({ job_id = ("ü"):rep(200) }),
        progress({ stage = ("s"):rep(100) }),
        progress({ message = "" }),
        progress({ photo_id = "a b" }),
        progress({ photo_id = 2 ^ 53 - 1 }),
        progress({ details = { text = ("x"):rep(65000) } }),
    }) do
        assert(ready(message))
    end
end)

it("names the field that makes no sense", function()
    local wrong = {
        ["job_id: must be a text"] = progress({ job_id = 5 }),
        ["job_id: must have 1 to 200"] = progress({ job_id = "" }),
        ["job_id: must have only printable"] = progress({ job_id = "a\nb" }),
        ["progress: must be a number from 0 to 100"] = progress({ progress = 100.5 }),
        ["stage: must have 1 to 100"] = progress({ stage = ("s"):rep(101) }),
        ["message: must be a text"] = progress({ message = 5 }),
        ["details: must be a table"] = progress({ details = "x" }),
        ["details: must be a table with names"] = progress({ details = { "x" } }),
        ["photo_id: must be a whole"] = progress({ photo_id = 1.5 }),
        ["photo_id: must be a text"] = progress({ photo_id = true }),
        ["event_id: must be a text"] = progress({ event_id = 7 }),
        ["a function is not a JSON value"] = progress({ details = { call = print } }),
        ["65536 is the limit"] = progress({ details = { text = ("x"):rep(66000) } }),
        ["success: must be true"] = { type = "job_completed", job_id = "j", success = false },
        ["success: must be false"] = { type = "job_failed", job_id = "j" },
        ["duration: must be a number from 0"] = { type = "job_completed", job_id = "j", success = true, duration = -1 },
        ["error_type: must be a text"] = { type = "error_occurred", job_id = "j", error_message = "x" },
        ["error_message: must be a text"] = { type = "error_occurred", job_id = "j", error_type = "x" },
        ["type: must be that of an event"] = { type = "processing_metrics", job_id = "j" },
    }
    for problem, message in pairs(wrong) do
        local event, why = ready(message)
        expect(event, nil, problem)
        expectPart(why, problem)
    end
    for _, number in ipairs({ 0 / 0, 1 / 0, -1, "25" }) do
        expect(ready(progress({ progress = number })), nil)
    end
    expect(ready(progress({ job_id = ("ü"):rep(201) })), nil)
    expect(ready("text"), nil)
end)
