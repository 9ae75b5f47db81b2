local Setting = require 'setting'

it("takes calls outside of a task, returns before anything is sent, and delivers in order", function()
    local world, server = Setting.new()
    local client = world:client()
    Setting.report(client, "j", 500)
    expect(#server.requests, 0)
    Setting.recorded(world, server, 501)
    local expected = {}
    for index = 1, 500 do
        expected[index] = "step " .. index
    end
    local said = {}
    for _, event in ipairs(server.log) do
        table.insert(said, event.message)
    end
    expect(said, expected)
    expect(#server.requests, 3) -- 200 events each
    expect(world.dialogs, {})
end)

it("takes calls within a task, and within pcall there: they never yield", function()
    local world, server = Setting.new()
    local client = world:client()
    world:inTask(function()
        local ok, result = pcall(client.sendJobStart, "j", 1)
        expect({ ok, result }, { true, true })
    end)
    Setting.recorded(world, server, 1)
end)

it("works where tasks begin at once, too", function()
    local world, server = Setting.new()
    world.startsAtOnce = true
    Setting.report(world:client(), "j", 10)
    Setting.recorded(world, server, 11)
    expect(world.dialogs, {})
end)

it("says what is wrong with an argument, and goes on", function()
    local world, server = Setting.new()
    local client = world:client()
    local ok, problem = client.sendJobProgress("j", "importing", 101)
    expect(ok, nil)
    expectPart(problem, "progress: must be a number from 0 to 100")
    expect({ client.sendJobComplete("j", nil) }, { nil, "success: must be true or false" })
    expect({ client.sendJobStart() }, { nil, "job_id: must be a text" })
    expect({ client.send("x") }, { nil, "the message must be a table" })
    expectPart(select(2, client.send({ type = "surprise" })), "type: must be")
    expect(client.sendJobStart("j"), true)
    Setting.recorded(world, server, 1)
    expectPart(world:logText(), "progress: must be")
end)

local function bears(faults)
    for _, fault in ipairs(faults) do
        local world, server = Setting.new()
        local client = world:client()
        local errors = Setting.heard(client, "error")
        for _ = 1, 6 do
            server:failNext(fault)
        end
        Setting.report(client, "j", 9)
        Setting.recorded(world, server, 10)
        world:pass(60)
        expect(server:recorded("progress"), { 1, 2, 3, 4, 5, 6, 7, 8, 9 }, fault)
        expect(#server.log, 10, fault)
        expect(#server.requests, 7, fault)
        expect(world:countLogged("Delivering events failed"), 1, fault)
        expect(world:countLogged("works again"), 1, fault)
        expect(#errors, 1, fault)
        expect(world.dialogs, {}, fault)
    end
end

it("bears an answer that does not come, is cut or is halved", function()
    bears({ "away", "cut", "half", "raises", "wrongStatus" })
end)

it("bears pages of HTML, empty answers, redirects and answers of something else", function()
    bears({ "html", "htmlNotFound", "empty", "nothing", "redirect", "proxy502", "yes", "list", "jsonNotFound" })
end)

it("bears errors of the server, wrong tokens and too many requests", function()
    bears({ "error500", "error503", "error401", "error403", "error429" })
end)

it("control: without event ids, a server that is cut off records events twice", function()
    local world, server = Setting.new()
    server.forgetsIds = true
    server:failNext("cut")
    Setting.report(world:client(), "j", 3)
    Setting.recorded(world, server, 8)
    expect(#server.log, 8)
end)

it("says each time anew that it fails, once, and gives each question half a minute", function()
    local world, server = Setting.new()
    local client = world:client()
    for round = 1, 3 do
        server:failNext("away", "away", "away")
        assert(client.sendJobStart("j" .. round))
        Setting.recorded(world, server, round)
        world:pass(1)
        expect(world:countLogged("Delivering events failed"), round)
        expect(world:countLogged("works again"), round)
    end
    expect(server.requests[1].timeout, 30)
end)

it("asks in a way that never raises, and logs what a task raises", function()
    local world, server = Setting.new()
    server:failNext("raises")
    world:inTask(function()
        local answer, problem = world.require("Http").get("/ws/status", 5)
        expect(answer, nil)
        expectPart(problem.text, "LrHttp broke")
    end)
    world.require("Tasks").start("a task", function()
        error("this broke")
    end)
    world:pass(1)
    expect(world.dialogs, {})
    expectPart(world:logText(), "error a task failed")
end)

it("leaves an answer that comes after the plug-in was loaded anew to the code that is loaded now", function()
    local world, server = Setting.new()
    server:failNext("late")
    Setting.report(world:client(), "j", 4)
    Setting.recorded(world, server, 5)
    world:reload()
    server.isAway = true
    for index = 5, 9 do
        assert(world:client().sendJobProgress("j", "importing", index))
    end
    world:pass(20)
    world:restart()
    server.isAway = false
    world:client().init()
    Setting.recorded(world, server, 10)
    world:pass(60)
    expect(server:recorded("progress"), { 1, 2, 3, 4, 5, 6, 7, 8, 9 })
end)

it("waits as long as the server asks", function()
    local world, server = Setting.new()
    server:failNext("error503")
    local began = world.clock.now()
    Setting.report(world:client(), "j", 0)
    Setting.recorded(world, server, 1)
    expect(world.clock.now() - began >= 7, true)
end)

it("tries for ever, every half minute at least, and delivers when the server is back after a day", function()
    local world, server = Setting.new()
    server.isAway = true
    Setting.report(world:client(), "j", 3)
    world:pass(24 * 3600)
    expect(#server.requests > 24 * 3600 / 31, true)
    expect(#server.requests < 24 * 3600 / 10, true)
    expect(#world.log < 10, true)
    server.isAway = false
    Setting.recorded(world, server, 4)
    expect(world.dialogs, {})
end)

it("delivers after a restart what was reported before, once and in order", function()
    local world, server = Setting.new()
    server.isAway = true
    Setting.report(world:client(), "j", 50)
    world:pass(60)
    world:restart()
    server.isAway = false
    world:client().init()
    Setting.recorded(world, server, 51)
    world:pass(60)
    expect(#server.log, 51)
    expect(server:recorded("progress")[50], 50)
end)

it("delivers once what was recorded when Lightroom ended before the answer came", function()
    local world, server = Setting.new()
    server:failNext("cut")
    Setting.report(world:client(), "j", 5)
    Setting.recorded(world, server, 6)
    world:restart()
    Setting.report(world:client(), "k", 5)
    Setting.recorded(world, server, 12)
    world:pass(60)
    expect(#server.log, 12)
end)

it("takes out what the server refuses, tells of it, and delivers the rest", function()
    local world, server = Setting.new()
    local client = world:client()
    local refused = Setting.heard(client, "refused")
    assert(client.sendJobStart("j"))
    assert(client.sendStageComplete("unknown", "importing"))
    assert(client.sendStageComplete("j", "importing"))
    assert(client.sendJobComplete("j", true))
    assert(client.sendJobComplete("j", false))
    assert(client.sendJobStart("k"))
    Setting.recorded(world, server, 4)
    world:pass(60)
    expect(server:recorded("type"), { "job_started", "stage_completed", "job_completed", "job_started" })
    expect(#refused, 2)
    expect({ refused[1].code, refused[1].event.job_id }, { "job_not_found", "unknown" })
    expect({ refused[2].code, refused[2].event.type }, { "job_finished", "job_failed" })
    expect(world:countLogged("The server refused an event of job"), 2)
    world:restart()
    world:client().init()
    world:pass(60)
    expect(#server.log, 4)
end)

it("finds the one that is refused where the server does not name it", function()
    local world, server = Setting.new()
    server.namesNone = true
    server.refuse = function(event)
        if event.progress == 77 then return "invalid_event", 400 end
    end
    local client = world:client()
    local refused = Setting.heard(client, "refused")
    Setting.report(client, "j", 150)
    Setting.recorded(world, server, 150)
    expect(#refused, 1)
    expect(refused[1].event.message, "step 77")
end)

it("stays within what the server takes in one body", function()
    local world, server = Setting.new()
    local client = world:client()
    assert(client.sendJobStart("j"))
    for _ = 1, 20 do
        assert(client.sendPhotoInfo("j", 1, { text = ("x"):rep(60000) }))
    end
    Setting.recorded(world, server, 21)
    expect(#server.requests, 7)
end)

it("reports that events were thinned: to listeners, in the log, and in the event that follows", function()
    local world, server = Setting.new()
    local client = world:client()
    local thinned = Setting.heard(client, "thinned")
    server.isAway = true
    assert(client.sendJobStart("j"))
    for index = 1, 10100 do
        assert(client.sendJobProgress("j", "importing", index % 100))
    end
    assert(client.sendJobComplete("j", true))
    world:pass(1)
    expect(#thinned, 1)
    expect(thinned[1].count, 500)
    expect(world:countLogged("500 progress events were left out"), 1)
    server.isAway = false
    Setting.recorded(world, server, 10102 - 500)
    world:pass(60)
    local total = 0
    for _, event in ipairs(server.log) do
        total = total + 1 + (event.thinned or 0)
    end
    expect(total, 10102)
end)

it("says no when it is full of milestones, and to listeners once", function()
    local world, server = Setting.new()
    server.isAway = true
    local client = world:client()
    local errors = Setting.heard(client, "error")
    for _ = 1, 10000 do
        assert(client.sendStageComplete("j", "importing"))
    end
    for _ = 1, 5 do
        local ok, problem = client.sendStageComplete("j", "importing")
        expect(ok, nil)
        expectPart(problem, "the outbox is full")
    end
    world:pass(1)
    local full = 0
    for _, told in ipairs(errors) do
        full = full + (told.code == "outbox_full" and 1 or 0)
    end
    expect(full, 1)
    expect(world:countLogged("nothing is left to thin"), 1)
end)

it("shows the token with every question, and never in the log", function()
    local world, server = Setting.new()
    server.token = "jobreel_secret"
    world.passwords.token = "jobreel_wrong"
    Setting.report(world:client(), "j", 3)
    world:pass(10)
    expect(#server.log, 0)
    world.passwords.token = "jobreel_secret"
    Setting.recorded(world, server, 4)
    expect(world:countLogged("jobreel_"), 0)
end)

it("is taken over when the plug-in is loaded anew: the old tasks stop, and code of before still reports", function()
    local world, server = Setting.new()
    server.isAway = true
    local old = world:client()
    Setting.report(old, "j", 5)
    world:pass(5)
    world:reload()
    local new = world:client()
    assert(old.sendJobProgress("j", "importing", 6))
    assert(new.sendJobProgress("j", "importing", 7))
    assert(old.sendJobProgress("j", "importing", 8))
    world:pass(60)
    local before = #server.requests
    world:pass(600)
    -- One task asks, not two: at most one question in the mean of its waits.
    expect(#server.requests - before < 600 / 10, true)
    server.isAway = false
    Setting.recorded(world, server, 9)
    world:pass(60)
    expect(server:recorded("progress"), { 1, 2, 3, 4, 5, 6, 7, 8 })
    expect(#world.scheduler.tasks, 0)
end)
