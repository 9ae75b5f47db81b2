--- The window with the list of jobs.

local Screen = require 'screen'
local Setting = require 'setting'

local function opened(world)
    world:script("ShowJobs.lua")
    world:pass(3)
    return world.windows[#world.windows]
end

local function append(server, id, progress)
    server:append({ type = "job_started", job_id = id, photo_info = { file_name = id .. ".CR3" } })
    server:append({ type = "job_progress", job_id = id, stage = "importing", progress = progress, message = "at it" })
end

it("lists the active jobs, live", function()
    local world, server = Setting.new()
    append(server, "a", 20)
    local window = opened(world)
    expect(Screen.texts(window.contents), {
        "1 active job · Connected", "a.CR3", "importing: at it", "20 %", "Stop Following",
    })
    append(server, "b", 60)
    server:append({ type = "job_completed", job_id = "a", success = true })
    world:pass(2)
    expect(Screen.texts(window.contents), {
        "1 active job · Connected", "b.CR3", "importing: at it", "60 %", "Stop Following",
    })
    expect(world.dialogs, {})
end)

it("says that there are no jobs, and why it is not connected", function()
    local world, server = Setting.new()
    server.isAway = true
    local window = opened(world)
    local heading = Screen.texts(window.contents)[1]
    expectPart(heading, "No active jobs · Not connected: the server did not answer")
    assert(world:client().sendJobStart("j"))
    world:pass(1)
    expectPart(Screen.texts(window.contents)[1], "; 1 event to be delivered")
end)

it("says how many jobs it has no room for", function()
    local world, server = Setting.new()
    for index = 1, 15 do
        append(server, "job" .. index, index)
    end
    local texts = Screen.texts(opened(world).contents)
    expect(texts[1], "15 active jobs · Connected")
    expect(texts[#texts], "and 3 more")
end)

it("follows and stops following with a button", function()
    local world, server = Setting.new()
    append(server, "a", 20)
    append(server, "b", 30)
    local window = opened(world)
    Screen.press(window.contents, "Stop Following", 2)
    world:pass(2)
    local shown = {}
    for _, scope in ipairs(world.scopes) do
        shown[scope.title] = not scope.wasDone
    end
    expect(shown, { ["a.CR3"] = true, ["b.CR3"] = false })
    Screen.press(window.contents, "Follow")
    world:pass(2)
    expect(world.scopes[#world.scopes].title, "b.CR3")
    expect(world.scopes[#world.scopes].wasDone, false)
end)

it("is one window: opened again it comes to the front, closed it can be opened again", function()
    local world = Setting.new()
    local window = opened(world)
    expect(opened(world), window)
    expect(window.fronts, 1)
    window.close()
    world:pass(1)
    local another = opened(world)
    expect(another ~= window, true)
    expect(another.isOpen, true)
    expect(world.dialogs, {})
end)

it("is one window when it is chosen twice at once, and lives on when it is opened just after it was closed", function()
    local world = Setting.new()
    world:script("ShowJobs.lua")
    world:script("ShowJobs.lua")
    world:pass(3)
    expect(#world.windows, 1)
    for index = 1, 8 do
        world.windows[#world.windows].close()
        world:pass(0.06 * index)
        world:script("ShowJobs.lua")
        world:pass(2)
    end
    expect(world.windows[#world.windows].isOpen, true)
    expect(world:countLogged("failed"), 0)
    expect(world.dialogs, {})
end)

it("goes on when it fails once, and the log says so once", function()
    local world, server = Setting.new()
    local window = opened(world)
    local watch = world.require("Watch").current()
    local state = watch.state
    watch.state = function() error("broke") end
    world:pass(30)
    watch.state = state
    append(server, "a", 20)
    world:pass(3)
    expect(Screen.texts(window.contents)[1], "1 active job · Connected")
    expect(world:countLogged("broke"), 1)
end)

it("is closed when the plug-in is loaded anew: what is behind it is no longer there", function()
    local world = Setting.new()
    local window = opened(world)
    world:reload()
    world:script("PluginInit.lua")
    world:pass(2)
    expect(window.isOpen, false)
    expect(opened(world).isOpen, true)
    expect(world.dialogs, {})
end)
