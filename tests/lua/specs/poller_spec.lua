local Setting = require 'setting'

-- The positions that a list of messages has.
local function positions(messages)
    local list = {}
    for _, message in ipairs(messages) do
        if message.sequence then table.insert(list, message.position) end
    end
    return list
end

local function upTo(count, from)
    local list = {}
    for position = from or 1, count do
        table.insert(list, position)
    end
    return list
end

local function append(server, count)
    for _ = 1, count do
        server:append({ type = "job_progress", job_id = "other", progress = 1 })
    end
end

-- A world that follows from the beginning of the log.
local function following(position)
    local world, server = Setting.new()
    if position then
        world.preferences.follow_position = tostring(position)
        world.preferences.follow_epoch = server.epoch
    end
    local client = world:client()
    local heard = Setting.heard(client, "message")
    assert(client.connect())
    return world, server, client, heard
end

local function waitForEvents(world, heard, count)
    world:waitFor(function()
        return #positions(heard) >= count
    end)
end

it("shakes hands, subscribes, and hears what happens from then on", function()
    local world, server, client, heard = following()
    append(server, 3)
    expect(client.isConnected(), false)
    expect(client.getClientId(), nil)
    world:waitFor(client.isConnected)
    expect(client.getClientId(), "client-1")
    append(server, 2)
    waitForEvents(world, heard, 2)
    expect(positions(heard), { 4, 5 })
    expect(world.preferences.follow_position, "5")
    expect(world.dialogs, {})
end)

it("asks with a wait of 25 seconds, and seldom when nothing happens", function()
    local world, server, client = following()
    world:waitFor(client.isConnected)
    world:pass(1)
    local before = #server.requests
    world:pass(250)
    expect(#server.requests - before, 10)
    expectPart(server.requests[#server.requests].path, "&wait=25")
    expect(server.requests[#server.requests].timeout, 30)
    expectPart(server.requests[#server.requests].path, "cursor=1.0%40epoch-1")
end)

it("begins after the position of an earlier session, with its epoch, from the beginning of what it missed", function()
    local world, server, _, heard = following(0)
    append(server, 1200)
    waitForEvents(world, heard, 1200)
    expect(positions(heard), upTo(1200))
end)

it("goes on after Lightroom was ended at any moment, and tells no event twice", function()
    local world, server = Setting.new()
    world.preferences.follow_position, world.preferences.follow_epoch = "0", server.epoch
    local all = {}
    for life = 1, 40 do
        append(server, 7)
        local client = world:client()
        client.addEventListener("job_progress", function(event)
            table.insert(all, event.position)
        end)
        client.connect()
        local seen = #all
        world:waitFor(function()
            return #all >= math.min(seen + life % 9, #server.log)
        end)
        if life % 3 == 0 then server:restart() end
        world:restart()
    end
    local heard = Setting.heard(world:client(), "job_progress")
    world:client().connect()
    world:waitFor(function()
        return #all + #heard >= #server.log
    end)
    for _, position in ipairs(positions(heard)) do
        table.insert(all, position)
    end
    expect(all, upTo(#server.log))
end)

it("asks again with the same cursor when an answer was cut or makes no sense", function()
    for _, fault in ipairs({ "cut", "half", "away", "html", "empty", "error500", "redirect", "yes", "list", "raises" }) do
        local world, server, client, heard = following(0)
        world:waitFor(client.isConnected)
        for round = 1, 5 do
            server:failNext(fault, fault)
            append(server, 20)
            waitForEvents(world, heard, 20 * round)
        end
        expect(positions(heard), upTo(100), fault)
        expect(world.dialogs, {}, fault)
    end
end)

it("shakes hands again when the server was started anew, and goes on after the last position", function()
    local world, server, client, heard = following(0)
    append(server, 5)
    waitForEvents(world, heard, 5)
    server:restart()
    append(server, 5)
    waitForEvents(world, heard, 10)
    expect(positions(heard), upTo(10))
    expect(client.getClientId(), "client-2")
    expect(client.isConnected(), true)
end)

it("tells when the connection is lost and is there again", function()
    local world, server, client = following()
    local connected, disconnected = Setting.heard(client, "connected"), Setting.heard(client, "disconnected")
    world:waitFor(client.isConnected)
    server.isAway = true
    world:waitFor(function()
        return not client.isConnected()
    end)
    world:pass(600)
    expect(#connected, 1)
    expect(#disconnected, 1)
    expectPart(disconnected[1].text, "cannotConnectToHost")
    expect(client.getClientId(), nil)
    server.isAway = false
    world:waitFor(client.isConnected, 31)
    world:pass(1)
    expect(#connected, 2)
    expect(connected[2].client_id, "client-1")
    expect(#world.log < 8, true)
end)

it("hands on reset once, and begins the other log at its beginning", function()
    local world, server, client, heard = following(0)
    append(server, 8)
    waitForEvents(world, heard, 8)
    local resets = Setting.heard(client, "reset")
    server:replaceLog("epoch-2")
    append(server, 3)
    server:failNext("cut", "cut", "cut")
    waitForEvents(world, heard, 11)
    world:pass(60)
    expect(positions(heard), { 1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3 })
    expect(#resets, 1)
    expect(resets[1].epoch, "epoch-2")
    expect(world.preferences.follow_epoch, "epoch-2")
end)

it("takes a log that is shorter than what it knows of it for another one", function()
    local world, server, client = following(900)
    append(server, 3)
    local resets, heard = Setting.heard(client, "reset"), Setting.heard(client, "job_progress")
    world:waitFor(function()
        return #heard >= 3
    end)
    expect(positions(heard), { 1, 2, 3 })
    expect(#resets, 1)
end)

it("hands on truncated, and still takes events below the horizon that are left", function()
    local world, server, client, heard = following(1)
    local truncated = Setting.heard(client, "truncated")
    append(server, 6)
    server.horizon = 4
    waitForEvents(world, heard, 5)
    expect(positions(heard), { 2, 3, 4, 5, 6 })
    expect(#truncated, 1)
    expect(truncated[1].horizon, 4)
end)

it("is not moved back by notices that are said again, and tells of each once", function()
    local world, server, client, heard = following(0)
    append(server, 5)
    waitForEvents(world, heard, 5)
    local resets, truncated = Setting.heard(client, "reset"), Setting.heard(client, "truncated")
    server.says = {
        { type = "reset", epoch = server.epoch, head = 5 },
        { type = "truncated", after = 0, horizon = 2 },
        { type = "truncated", after = 0, horizon = 2 },
        { type = "checkpoint", position = 3, prev = 3 },
        { type = "job_progress", position = 4, sequence = 4, prev = 3 },
        { type = 5 },
        "no message",
        { type = "caught_up", position = "none" },
        { type = "checkpoint", position = 9, prev = 5 },
    }
    world:waitFor(function()
        return world.preferences.follow_position ~= "5"
    end)
    expect(world.preferences.follow_position, "9")
    expect(#resets, 0)
    expect(#truncated, 1)
    expect(positions(heard), { 1, 2, 3, 4, 5 })
    expect(world.dialogs, {})
end)

it("gives Lightroom's interface its turn while it hands on many events", function()
    local world, server, client, heard = following(0)
    local turns, isOver = 0, false
    world.runText("return import 'LrTasks'", "=text").startAsyncTask(function()
        while not isOver do
            world.runText("import('LrTasks').yield()", "=text")
            turns = turns + 1
        end
    end)
    local atFirst, atLast
    client.addEventListener("job_progress", function(event)
        if event.position == 1 then atFirst = turns end
        if event.position == 500 then atLast = turns end
    end)
    append(server, 500)
    waitForEvents(world, heard, 500)
    isOver = true
    expect(atLast - atFirst >= 9, true)
end)

it("asks again from its place when an event is missing in between", function()
    local world, server, client, heard = following(0)
    world:waitFor(client.isConnected)
    server.losesPosition = 4
    append(server, 6)
    local before = #server.requests
    world:pass(60)
    expect(positions(heard), { 1, 2, 3 })
    expectPart(world:logText(), "Events are missing")
    expect(#server.requests - before < 100, true)
    server.losesPosition = nil
    waitForEvents(world, heard, 6)
    expect(positions(heard), upTo(6))
end)

it("follows no more after disconnect, and goes on after connect where it was", function()
    local world, server, client, heard = following(0)
    append(server, 2)
    waitForEvents(world, heard, 2)
    client.disconnect()
    expect(client.isConnected(), false)
    append(server, 2)
    world:pass(120)
    expect(positions(heard), { 1, 2 })
    expect(next(server.clients), nil)
    local before = #server.requests
    world:pass(600)
    expect(#server.requests, before)
    expect(#world.scheduler.tasks, 0)
    client.connect()
    waitForEvents(world, heard, 4)
    expect(positions(heard), upTo(4))
end)

it("tells nothing twice when it reconnects while a listener takes its time", function()
    local world, server, client, heard = following(0)
    local LrTasks = world.runText("return import 'LrTasks'", "=text")
    local slow = {}
    client.registerHandler("job_progress", function(event)
        table.insert(slow, event.position)
        LrTasks.sleep(10)
    end)
    append(server, 3)
    world:waitFor(function()
        return #slow == 1
    end)
    client.reconnect()
    client.reconnect()
    waitForEvents(world, heard, 3)
    world:pass(60)
    expect(slow, { 1, 2, 3 })
end)

it("tells nothing twice when Lightroom ended while the events of an answer were being told", function()
    local world, server, client, heard = following(0)
    local LrTasks = world.runText("return import 'LrTasks'", "=text")
    client.registerHandler("job_progress", function(event)
        if event.position == 3 then LrTasks.sleep(20) end
    end)
    append(server, 6)
    world:waitFor(function()
        return world.preferences.follow_position == "3"
    end)
    world:restart()
    local again = Setting.heard(world:client(), "message")
    world:client().init()
    waitForEvents(world, again, 3)
    world:pass(60)
    expect(server.clientCount, 1, "the same client, with the cursor before these events")
    expect(positions(heard), { 1, 2 }) -- and 3, whose other listeners were not called any more
    expect(positions(again), { 4, 5, 6 })
end)

it("delivers events while it is disconnected", function()
    local world, server, client = following()
    client.disconnect()
    Setting.report(client, "j", 2)
    Setting.recorded(world, server, 3)
end)

it("follows the channels that are asked for", function()
    local world, server, client = following(0)
    world:waitFor(client.isConnected)
    expect(server.clients["client-1"].channels, { "jobs", "photos", "system" })
    assert(client.send({ type = "unsubscribe", channels = { "system", "photos" } }))
    world:waitFor(client.isConnected)
    expect(server.clients["client-2"].channels, { "jobs" })
    assert(client.send({ type = "subscribe", channels = { "job:j" } }))
    world:waitFor(client.isConnected)
    expect(server.clients["client-3"].channels, { "job:j", "jobs" })
    expectPart(select(2, client.send({ type = "subscribe" })), "channels: must be")
    expectPart(select(2, client.init({ channels = { 5 } })), "channels: must be")
end)

it("sends ping and register, and hands on the answers", function()
    local world, _, client = following()
    expect({ client.send({ type = "ping" }) }, { nil, "not connected" })
    world:waitFor(client.isConnected)
    local pongs = Setting.heard(client, "pong")
    assert(client.send({ type = "ping" }))
    world:waitFor(function()
        return #pongs == 1
    end)
end)

it("bears preferences that are damaged in every way", function()
    for _, damage in ipairs({ "abc", "-1", "1e300", "99999999999999999999", "", 7, true, { 1 }, ("x"):rep(10 ^ 6), "a\nb" }) do
        local world, server = Setting.new()
        for _, key in ipairs({ "position", "epoch", "client", "client_id", "cursor" }) do
            world.preferences["follow_" .. key] = damage
        end
        local client = world:client()
        local heard = Setting.heard(client, "job_progress")
        client.init()
        world:waitFor(client.isConnected)
        append(server, 2)
        waitForEvents(world, heard, 2)
        expect(world.dialogs, {})
        expect(type(world.preferences.follow_position), "string")
    end
    local world = following()
    world.preferences.follow_cursor = 5
    world:restart()
    world:client().connect()
    world:pass(1)
    expectPart(world:logText(), "follow_cursor is damaged")
end)

it("resumes its client after the plug-in was loaded anew, and the old task stops", function()
    local world, server, old, heardOfOld = following(0)
    append(server, 4)
    waitForEvents(world, heardOfOld, 4)
    world:reload()
    local client = world:client()
    local heard = Setting.heard(client, "message")
    client.init()
    world:waitFor(client.isConnected, 1)
    append(server, 4)
    waitForEvents(world, heard, 4)
    world:pass(60)
    expect(positions(heard), { 5, 6, 7, 8 })
    expect(positions(heardOfOld), { 1, 2, 3, 4 })
    expect(server.clientCount, 1)
    expect(#world.scheduler.tasks, 1)
    expect(old.isConnected(), true) -- it speaks of the client that counts
end)

it("asks once a second at most, if somebody answers at once with nothing", function()
    local world, server = Setting.new()
    local client = world:client()
    client.connect()
    world:waitFor(client.isConnected)
    server.poll = function()
        return '{"success":true,"messages":[],"cursor":"x"}', { status = 200 }
    end
    world:pass(5)
    local before = #server.requests
    world:pass(100)
    expect(#server.requests - before <= 101, true)
end)

it("shows the token, and waits while it is wrong", function()
    local world, server, client = following()
    server.token = "right"
    world.passwords.token = "wrong"
    local errors = Setting.heard(client, "error")
    world:pass(600)
    expect(client.isConnected(), false)
    expect(#errors, 1)
    expect({ errors[1].code, errors[1].status }, { "unauthorized", 401 })
    expect(#server.requests < 100, true)
    world.passwords.token = "right"
    world:waitFor(client.isConnected, 31)
end)

it("tells what a replay sends again, and goes on where it was", function()
    local world, server, _, heard = following(0)
    append(server, 3)
    waitForEvents(world, heard, 3)
    local again = '{"type":"job_progress","job_id":"other","position":%d,"sequence":1,"replay":true,"replay_id":"r1"}'
    server.poll = function()
        server.poll = nil
        local messages = again:format(900) .. "," .. again:format(2)
        return '{"success":true,"messages":[' .. messages .. '],"cursor":"1.3@epoch-1"}', { status = 200 }
    end
    waitForEvents(world, heard, 5)
    expect(positions(heard), { 1, 2, 3, 900, 2 })
    expect(world.preferences.follow_position, "3")
    append(server, 1)
    waitForEvents(world, heard, 6)
    expect(positions(heard), { 1, 2, 3, 900, 2, 4 })
end)

it("control: a client that forgets its cursor is told events again", function()
    local world, server, client, heard = following(0)
    append(server, 5)
    waitForEvents(world, heard, 5)
    client.disconnect()
    world:restart()
    world.preferences.follow_position = "0"
    local again = Setting.heard(world:client(), "message")
    world:client().connect()
    waitForEvents(world, again, 5)
    expect(positions(again), positions(heard))
end)
