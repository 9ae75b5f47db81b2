local Setting = require 'setting'

local function connected()
    local world, server = Setting.new()
    local client = world:client()
    client.init()
    world:waitFor(client.isConnected)
    return world, server, client
end

it("calls the handler of a type, and all its listeners, in the order they came", function()
    local world, server, client = connected()
    local calls = {}
    local function noting(name)
        return function(event)
            table.insert(calls, name .. event.position)
        end
    end
    client.addEventListener("job_progress", noting("a"))
    client.registerHandler("job_progress", noting("old"))
    client.registerHandler("job_progress", noting("h"))
    client.addEventListener("job_progress", noting("b"))
    client.addEventListener("message", noting("m"))
    server:append({ type = "job_progress", job_id = "j" })
    world:waitFor(function()
        return #calls >= 4
    end)
    expect(calls, { "h1", "a1", "b1", "m1" })
    client.registerHandler("job_progress", nil)
    server:append({ type = "job_progress", job_id = "j" })
    world:waitFor(function()
        return #calls >= 7
    end)
    expect(calls[5], "a2")
end)

it("calls a listener that was added twice once, and one that was removed never", function()
    local world, server, client = connected()
    local count = 0
    local function listener()
        count = count + 1
    end
    expect(client.addEventListener("job_progress", listener), true)
    client.addEventListener("job_progress", listener)
    server:append({ type = "job_progress", job_id = "j" })
    world:pass(1)
    expect(count, 1)
    expect(client.removeEventListener("job_progress", listener), true)
    expect(client.removeEventListener("job_progress", listener), false)
    server:append({ type = "job_progress", job_id = "j" })
    world:pass(1)
    expect(count, 1)
end)

it("goes on when a listener raises, and shows no dialog, however often", function()
    local world, server, client = connected()
    local heard = {}
    client.registerHandler("job_progress", function()
        error("broke")
    end)
    client.addEventListener("job_progress", function()
        error({ "a table" })
    end)
    client.addEventListener("job_progress", function(event)
        table.insert(heard, event.position)
    end)
    for _ = 1, 100 do
        server:append({ type = "job_progress", job_id = "j" })
    end
    world:waitFor(function()
        return #heard == 100
    end)
    expect(world.dialogs, {})
    expect(world:countLogged("A listener for job_progress failed"), 200)
end)

it("lets a listener add and remove listeners, and report", function()
    local world, server, client = connected()
    local seen = {}
    local function once(event)
        table.insert(seen, event.job_id)
        client.removeEventListener("job_progress", once)
        client.addEventListener("job_completed", function(completed)
            table.insert(seen, completed.type)
        end)
        client.sendJobStart("mine")
        client.sendJobComplete("mine", true)
    end
    client.addEventListener("job_progress", once)
    server:append({ type = "job_progress", job_id = "j" })
    server:append({ type = "job_progress", job_id = "k" })
    world:waitFor(function()
        return #seen == 2
    end)
    expect(seen, { "j", "job_completed" })
end)

it("says what is no listener", function()
    local _, _, client = connected()
    expect({ client.addEventListener("x", 5) }, { nil, "the listener must be a function" })
    expect({ client.addEventListener(nil, print) }, { nil, "the name must be a text" })
    expect({ client.registerHandler(5, nil) }, { nil, "the name must be a text" })
    expect({ client.registerHandler("x", "y") }, { nil, "the listener must be a function" })
    expect(client.removeEventListener("nothing", print), false)
end)

it("never raises into the caller's job, whatever breaks", function()
    local world = Setting.new()
    world.folder = "/dev/null/no folder"
    local client = world:client()
    expect(client.sendJobStart("j"), true) -- in memory, then
    expectPart(world:logText(), "in memory only")
    local broken = Setting.new()
    broken.require("Outbox").open = function()
        error("the disk burns")
    end
    expect((broken:client().sendJobStart("j")), nil)
    expectPart(select(2, broken:client().sendJobStart("j")), "the disk burns")
    expect(broken:client().isConnected(), false)
end)
