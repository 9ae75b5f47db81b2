--- What Lightroom shows of jobs by itself: its progress bars.

local Setting = require 'setting'

local function started(server, id, file)
    server:append({ type = "job_started", job_id = id, photo_info = file and { file_name = file } })
end

local function progressed(server, id, progress, message)
    server:append({ type = "job_progress", job_id = id, stage = "exif_analysis", progress = progress, message = message })
end

local function ended(server, id)
    server:append({ type = "job_completed", job_id = id, success = true })
end

-- The bars that are there: "title|caption|portion".
local function bars(world)
    local found = {}
    for _, scope in ipairs(world.scopes) do
        if not scope.wasDone then
            table.insert(found, scope.title .. "|" .. tostring(scope.caption) .. "|" .. tostring(scope.portion))
        end
    end
    table.sort(found)
    return found
end

local function watching()
    local world, server = Setting.new()
    return world, server, function()
        world:script("PluginInit.lua")
        world:pass(3)
        return world.require("Watch").current()
    end
end

it("shows a bar for each job that was active before, and for each that begins", function()
    local world, server, begin = watching()
    started(server, "a", "IMG_1.CR3")
    progressed(server, "a", 25, "Reading")
    started(server, "over")
    ended(server, "over")
    begin()
    expect(bars(world), { "IMG_1.CR3|exif analysis: Reading|0.25" })
    started(server, "b")
    progressed(server, "a", 50)
    world:pass(3)
    expect(bars(world), { "IMG_1.CR3|exif analysis|0.5", "b|waiting|0" })
    ended(server, "a")
    server:append({ type = "job_failed", job_id = "b", success = false })
    world:pass(3)
    expect(bars(world), {})
    expect(world.dialogs, {})
end)

it("follows a job no more when its bar is cancelled, and tells the server nothing of it", function()
    local world, server, begin = watching()
    started(server, "a")
    started(server, "b")
    begin()
    local events = #server.log
    for _, scope in ipairs(world.scopes) do
        if scope.title == "a" then scope:cancel() end
    end
    world:pass(2)
    progressed(server, "a", 70)
    world:pass(3)
    expect(bars(world), { "b|waiting|0" })
    expect(#server.log, events + 1)
end)

it("has a few bars at a time, and the next job's when one is over", function()
    local world, server, begin = watching()
    for index = 1, 9 do
        started(server, "job" .. index)
    end
    begin()
    expect(#bars(world), 6)
    ended(server, "job1")
    world:pass(3)
    expect(bars(world), {
        "job2|waiting|0", "job3|waiting|0", "job4|waiting|0", "job5|waiting|0", "job6|waiting|0", "job7|waiting|0",
    })
end)

it("shows no bars when the user does not want them, at once", function()
    local world, server, begin = watching()
    started(server, "a")
    begin()
    world.preferences.progress = false
    world:pass(2)
    expect(bars(world), {})
    world.preferences.progress = true
    world:pass(2)
    expect(#bars(world), 1)
end)

local function expectOneBarAfterReload(isAllNew, before)
    local world, server, begin = watching()
    started(server, "a")
    begin()
    if before then before() end
    world:reload(isAllNew)
    begin()
    expect(#bars(world), 1)
    expect(#world.scopes, 2)
    expect(world.scopes[1].wasDone, true)
end

it("takes its bars away when the plug-in is loaded anew, and shows them again", function()
    expectOneBarAfterReload(false)
end)

it("does so too in a Lightroom whose globals do not outlive that", function()
    expectOneBarAfterReload(true)
end)

it("does so too whatever number its mark is given", function()
    local random, number = math.random, 0.9
    math.random = function(...)
        return select("#", ...) == 0 and number or random(...)
    end
    local ok, problem = pcall(expectOneBarAfterReload, true, function()
        number = 1e-9
    end)
    math.random = random
    assert(ok, problem)
end)

it("leaves the journal to the code that was loaded last", function()
    local world, server, begin = watching()
    begin()
    local before = world:client()
    world:reload(true)
    begin()
    local ok, problem = before.sendJobStart("of the code before")
    expect(ok, nil)
    expectPart(problem, "loaded anew")
    assert(world:client().sendJobStart("of the new code"))
    world:pass(3)
    expect(server:recorded("job_id"), { "of the new code" })
end)

it("goes on alone where its mark cannot be written, or is damaged", function()
    local world, server, begin = watching()
    world.isDiskFull = true
    begin()
    world.isDiskFull = false
    local file = assert(io.open(world.folder .. "/jobreel/loaded", "wb"))
    file:write("")
    file:close()
    started(server, "a")
    world:pass(3)
    expect(#bars(world), 1)
end)

it("does not follow again what was cancelled, after a reload, and forgets it when it is over", function()
    local world, server, begin = watching()
    started(server, "a")
    started(server, "b")
    begin()
    for _, scope in ipairs(world.scopes) do
        if scope.title == "a" then scope:cancel() end
    end
    world:pass(2)
    expect(world.preferences.unfollowed, { "a" })
    world:restart()
    begin()
    expect(bars(world), { "b|waiting|0" })
    ended(server, "a")
    world:pass(70)
    expect(world.preferences.unfollowed, {})
end)

it("takes the bars away when the server is followed no more, or is away for a minute", function()
    local world, server, begin = watching()
    started(server, "a")
    begin()
    world:client().disconnect()
    world:pass(2)
    expect(bars(world), {})
    world:client().connect()
    world:pass(3)
    expect(#bars(world), 1)
    server.isAway = true
    world:pass(120)
    expect(bars(world), {})
end)

it("shows no jobs of the address before", function()
    local world, server, begin = watching()
    started(server, "a")
    begin()
    server.isAway = true
    world.preferences.address = "http://other.example:5100"
    world:client().reconnect()
    world:pass(2)
    expect(bars(world), {})
end)

it("notices within a minute what ended unheard", function()
    local world, server, begin = watching()
    started(server, "a")
    begin()
    function server:streamed(place)
        return { type = "checkpoint", position = place, prev = place - 1 }
    end
    world:client().init({ channels = { "job:b" } })
    ended(server, "a")
    world:pass(70)
    expect(bars(world), {})
end)

it("shows no jobs of a list that was written before the log was another one", function()
    local world, server, begin = watching()
    started(server, "old")
    local listJobs, isFirst = server.listJobs, true
    function server:listJobs(path)
        local body, info = listJobs(self, path)
        if isFirst then
            isFirst = false
            world.scheduler:wait({ at = world.clock.now() + 6 }, "LrHttp")
        end
        return body, info
    end
    begin()
    server:replaceLog("epoch-2")
    world:pass(120)
    expect(bars(world), {})
end)

it("asks for the list also when the server was followed before", function()
    local world, server, begin = watching()
    started(server, "a")
    world:client().init()
    world:pass(3)
    begin()
    expect(#bars(world), 1)
end)

it("shows no bars of jobs long over while it is told the past", function()
    local world, server, begin = watching()
    started(server, "first")
    begin()
    world:restart()
    for index = 1, 3000 do
        started(server, "j" .. index)
    end
    for index = 1, 3000 do
        ended(server, "j" .. index)
    end
    local poll, before = server.poll, #world.scopes
    function server:poll(...)
        world.scheduler:wait({ at = world.clock.now() + 0.3 }, "LrHttp")
        return poll(self, ...)
    end
    begin()
    world:pass(20)
    local titles = {}
    for index = before + 1, #world.scopes do
        table.insert(titles, world.scopes[index].title)
    end
    expect(titles, { "first" })
end)

it("says in the log once, not each time, what goes on failing", function()
    local world, server, begin = watching()
    function server:listJobs()
        return '{"success":false,"error":"no","code":"forbidden"}', { status = 403 }
    end
    local watch = begin()
    watch.scopes.update = function() error("broke") end
    world:pass(3600)
    expect(world:countLogged("broke"), 1)
    expect(world:countLogged("The list of jobs did not come"), 1)
end)

it("is no error dialog when the plug-in cannot start", function()
    local world = Setting.new()
    world.runText("import('LrPathUtils').getStandardFilePath = function() error('no such folder') end", "=text")
    world:script("PluginInit.lua")
    world:pass(2)
    expect(world.dialogs, {})
    expect(world:countLogged("could not start"), 1)
end)

it("does not bring back a job that ended while the list was on its way", function()
    local world, _, begin = watching()
    local jobs = begin().jobs
    local before = jobs:ids()
    jobs:take({ type = "job_completed", job_id = "a", position = 9 })
    jobs:load({ { job_id = "a", position = 5 } }, true, before)
    expect(jobs:ids(), {})
    expect(world.dialogs, {})
end)

it("does not lose a job that began while the list was on its way, and drops what ended unheard", function()
    local _, _, begin = watching()
    local jobs = begin().jobs
    jobs:take({ type = "job_started", job_id = "gone", position = 1 })
    local before = jobs:ids()
    jobs:take({ type = "job_started", job_id = "new", position = 7 })
    jobs:load({ { job_id = "old", position = 5 } }, false, before)
    expect(jobs:ids(), { "gone", "new", "old" })
    jobs:load({ { job_id = "old", position = 5 } }, true, before)
    expect(jobs:ids(), { "new", "old" })
end)

it("does not go back to an older state", function()
    local _, _, begin = watching()
    local jobs = begin().jobs
    jobs:take({ type = "job_progress", job_id = "a", stage = "importing", progress = 60, position = 9 })
    jobs:load({ { job_id = "a", position = 5, progress = 20, photo_info = { file_name = "A.CR3" } } }, true, {})
    jobs:take({ type = "job_progress", job_id = "a", stage = "importing", progress = 10, position = 3 })
    expect(jobs:get("a").progress, 60)
    expect(jobs:get("a").title, "A.CR3")
end)

it("bears messages and statuses that make no sense", function()
    local world, _, begin = watching()
    local watch = begin()
    for _, wrong in ipairs({
        { type = "job_progress" },
        { type = "job_progress", job_id = 5 },
        { type = "job_progress", job_id = "x", progress = "half", stage = {}, message = 7 },
        { type = "job_progress", job_id = "y", progress = 0 / 0 },
        { type = "job_progress", job_id = "z", progress = 1e9 },
        { type = "job_started", job_id = "w", photo_info = "none" },
    }) do
        watch.jobs:take(wrong)
    end
    watch.jobs:load({ 5, {}, { job_id = {} }, { job_id = "v", progress = "x" } }, true, {})
    world:pass(2)
    expect(world.dialogs, {})
    expect(world:countLogged("failed"), 0)
end)

it("remembers a thousand jobs at most, active or ended", function()
    local _, _, begin = watching()
    local jobs = begin().jobs
    for index = 1, 1500 do
        jobs:take({ type = "job_started", job_id = "job" .. index, position = index })
    end
    expect(jobs:count(), 1000)
    for index = 1, 1500 do
        jobs:take({ type = "job_completed", job_id = "job" .. index, position = 1500 + index })
    end
    expect(jobs:count(), 0)
    expect(#jobs.endedOrder, 1000)
    local remembered = 0
    for _ in pairs(jobs.ended) do
        remembered = remembered + 1
    end
    expect(remembered, 1000)
end)

it("asks for the list again until it comes, and when the log is another one", function()
    local world, server, begin = watching()
    started(server, "a")
    server:failNext("cut")
    begin()
    world:waitFor(function()
        return #bars(world) == 1
    end)
    server:replaceLog("epoch-2")
    started(server, "b")
    world:waitFor(function()
        local now = bars(world)
        return #now == 1 and now[1] == "b|waiting|0"
    end)
    expect(world.dialogs, {})
end)

it("goes on when Lightroom's progress bars fail", function()
    local world, server, begin = watching()
    local watch = begin()
    local update = watch.scopes.update
    watch.scopes.update = function() error("LrProgressScope broke") end
    started(server, "a")
    world:pass(2)
    watch.scopes.update = update
    world:pass(2)
    expect(#bars(world), 1)
    expect(world.dialogs, {})
    expect(world:countLogged("LrProgressScope broke") > 0, true)
end)
