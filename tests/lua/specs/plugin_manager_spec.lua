--- The section in the Plug-in Manager, and the manifest.

local Screen = require 'screen'
local Setting = require 'setting'
local World = require 'world'

-- The dialog as Lightroom shows it: the view, the properties, and what closes it.
local function dialog(world)
    local provider = world:script("PluginInfoProvider.lua")
    local properties
    properties = world.runText([[
        local kept
        import('LrFunctionContext').callWithContext("test", function(context)
            kept = { context = context, properties = import('LrBinding').makePropertyTable(context) }
        end)
        kept.context.isAlive = true
        return kept.properties
    ]], "=text")
    provider.startDialog(properties)
    local factory = world.runText("return import('LrView').osFactory()", "=text")
    local section = provider.sectionsForTopOfDialog(factory, properties)[1]
    return section, properties, function()
        provider.endDialog(properties)
    end
end

it("has a manifest that Lightroom understands, of files that are there", function()
    local world = World.new(newFolder())
    local info = world:script("Info.lua")
    expect(type(info.LrSdkVersion), "number")
    expect(info.LrSdkMinimumVersion <= info.LrSdkVersion, true)
    expect(info.LrToolkitIdentifier, "com.jobreel.tracker")
    local files = { info.LrPluginInfoProvider, info.LrInitPlugin }
    for _, item in ipairs({ info.LrExportMenuItems[1], info.LrLibraryMenuItems[1] }) do
        expect(type(item.title), "string")
        table.insert(files, item.file)
    end
    expect(#files, 4)
    for _, file in ipairs(files) do
        assert(io.open(World.PLUGIN .. "/" .. file)):close()
    end
end)

it("shows what is kept, and keeps what is typed", function()
    local world = Setting.new()
    world.passwords.token = "jobreel_old"
    local section, properties, close = dialog(world)
    expect(properties.address, "http://127.0.0.1:5100")
    expect(properties.token, "jobreel_old")
    expect(Screen.control(section, "token"), "password_field")
    Screen.enter(section, "address", "photos.example:5100/")
    Screen.enter(section, "token", " jobreel_new ")
    Screen.enter(section, "log", false)
    Screen.enter(section, "progress", false)
    close()
    expect(world.preferences.address, "http://photos.example:5100")
    expect(world.passwords.token, "jobreel_new")
    expect(world.preferences.log, false)
    expect(world.preferences.progress, false)
    expect(world.preferences.token, nil)
end)

it("says what is wrong with an address, and keeps the one before, and everything else", function()
    local world = Setting.new()
    world.preferences.address = "http://a.example:5100"
    local section, properties, close = dialog(world)
    Screen.enter(section, "address", "ftp://a")
    Screen.enter(section, "token", "jobreel_new")
    Screen.enter(section, "log", false)
    Screen.press(section, "Save and Test Connection")
    expectPart(properties.state, "Not kept: the address must be like http://127.0.0.1:5100")
    close()
    expect(world.preferences.address, "http://a.example:5100")
    expect(world.passwords.token, "jobreel_new")
    expect(world.preferences.log, false)
    expect(world.dialogs, { "message: Jobreel Tracker: the settings were not kept" })
end)

it("keeps the token when the key store did not open while the dialog did, and what was never shown", function()
    local world = Setting.new()
    world.passwords.token = "jobreel_good"
    world.keyStoreFails = true
    local _, _, close = dialog(world)
    world.keyStoreFails = false
    close()
    expect(world.passwords.token, "jobreel_good")
    world.preferences.log, world.preferences.progress = false, false
    world:script("PluginInfoProvider.lua").endDialog({})
    expect({ world.preferences.log, world.preferences.progress }, { false, false })
end)

it("does not follow the server again for who had it stop", function()
    local world = Setting.new()
    world:script("PluginInit.lua")
    world:pass(2)
    world:client().disconnect()
    local section, _, close = dialog(world)
    Screen.enter(section, "token", "jobreel_x")
    close()
    world:pass(3)
    expect(world.require("Watch").current():state(), "Not following the server")
end)

it("connects anew when the address or the token changed, and only then", function()
    local world, server = Setting.new()
    world:script("PluginInit.lua")
    world:pass(2)
    local function handshakes()
        local count = 0
        for _, request in ipairs(server.requests) do
            if request.path == "/ws/handshake" then count = count + 1 end
        end
        return count
    end
    expect(handshakes(), 1)
    local _, _, close = dialog(world)
    close()
    world:pass(2)
    expect(handshakes(), 1)
    local section, _, closeAgain = dialog(world)
    Screen.enter(section, "token", "jobreel_x")
    closeAgain()
    world:pass(2)
    expect(handshakes(), 2)
end)

local function tested(server, world)
    local section, properties = dialog(world)
    Screen.press(section, "Save and Test Connection")
    expectPart(properties.state, "Asking")
    world:pass(20)
    return properties.state, server
end

it("tests the connection, and says what to do", function()
    for _, case in ipairs({
        { {}, "Connected: jobs can be reported and followed." },
        { { isAway = true }, "Is the server running? Start it with: tracker serve" },
        { { token = "t" }, "The server asks for a token. Make one with: tracker token create" },
        { { token = "t", passwords = "wrong" }, "The server does not take this token" },
        { { token = "t", passwords = "t" }, "Connected: jobs can be reported" },
        { { token = "t", passwords = "t", isReadOnly = true }, "the token needs the scope report" },
    }) do
        local world, server = Setting.new()
        local with, said = case[1], case[2]
        server.isAway, server.token, server.isReadOnly = with.isAway, with.token, with.isReadOnly
        world.passwords.token = with.passwords
        expectPart((tested(server, world)), said)
        expect(#server.log, 0)
        expect(world.dialogs, {})
    end
end)

it("says so when something else answers", function()
    for fault, said in pairs({
        html = "not a tracker server (HTTP 200)",
        proxy502 = "not a tracker server (HTTP 502)",
        redirect = "not a tracker server (HTTP 302)",
        error503 = "does not succeed: busy",
        raises = "Nobody answers",
        list = "not a tracker server (HTTP 200)",
        yes = "not a tracker server",
    }) do
        local world, server = Setting.new()
        world.runText("require('Poller').connect = function() end", "=text")
        server:failNext(fault, fault)
        expectPart((tested(server, world)), said)
    end
end)

it("keeps everything else when the key store fails", function()
    local world = Setting.new()
    local section, properties = dialog(world)
    world.runText("import('LrPasswords').store = function() error('locked') end", "=text")
    Screen.enter(section, "token", "jobreel_x")
    Screen.enter(section, "address", "http://b.example:5100")
    Screen.enter(section, "progress", false)
    Screen.press(section, "Save and Test Connection")
    expectPart(properties.state, "the system's key store did not take the token")
    expect(world.preferences.address, "http://b.example:5100")
    expect(world.preferences.progress, false)
    expect(world.dialogs, {})
end)

it("never writes the token into the log", function()
    local world, server = Setting.new()
    server.token = "another"
    local section, _, close = dialog(world)
    Screen.enter(section, "token", "jobreel_secret")
    Screen.press(section, "Save and Test Connection")
    world:pass(5)
    close()
    expect(world:countLogged("secret"), 0)
    expect(#world.log > 0, true)
end)
