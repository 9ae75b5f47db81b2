--- The stubs themselves: what Lightroom does not allow must fail here.

local Setting = require 'setting'
local World = require 'world'

local function fails(world, text, part)
    local ok, problem = pcall(world.runText, text, "=text")
    expect(ok, false, text)
    expectPart(tostring(problem), part)
end

it("has none of the globals that Lightroom takes away", function()
    local world = World.new(newFolder())
    for _, name in ipairs({ "package", "print", "xpcall", "setfenv", "getfenv", "module", "collectgarbage", "loadstring" }) do
        fails(world, "return " .. name, "no global " .. name)
    end
    for _, name in ipairs({ "remove", "rename", "execute", "getenv", "exit" }) do
        expect(world.runText("return os." .. name, "=text"), nil)
    end
    fails(world, "surprise = 1", "no global surprise")
    fails(world, "require '../sandbox'", "only files of the folder")
end)

it("lets nobody sleep, yield or ask outside of a task", function()
    local world = Setting.new()
    fails(world, "import('LrTasks').sleep(1)", "in a task only")
    fails(world, "import('LrTasks').yield()", "in a task only")
    fails(world, "import('LrHttp').get('http://127.0.0.1:5100/')", "in a task only")
end)

it("lets nobody yield within pcall, but within LrTasks.pcall", function()
    local world = World.new(newFolder())
    local results
    world:inTask(function()
        results = { world.runText([[
            local LrTasks = import 'LrTasks'
            local inner = pcall(LrTasks.sleep, 1)
            local outer, value = LrTasks.pcall(function() LrTasks.sleep(1) return 5 end)
            local failed, why = LrTasks.pcall(function() LrTasks.sleep(1) error("broke", 0) end)
            return inner, outer, value, failed, why
        ]], "=text") }
    end)
    expect(results, { false, true, 5, false, "broke" })
end)

it("has a clock that counts from 2001, and only moves when somebody waits", function()
    local world = World.new(newFolder())
    expect(world.runText("return import('LrDate').currentTime()", "=text"), 1762684200.25 - 978307200)
    world:inTask(function()
        world.runText("import('LrTasks').sleep(60)", "=text")
    end)
    local passed = world.clock.now() - 1762684200.25
    expect(passed >= 60 and passed < 61, true)
end)

it("refuses arguments that the SDK would not understand", function()
    local world = Setting.new()
    for text, part in pairs({
        ["import('LrHttp').post('http://a', 'x', {}, 'POST', '30')"] = "timeout must be a number",
        ["import('LrHttp').post('http://a', {})"] = "the body must be a string",
        ["import('LrHttp').get('http://a', {['Content-Type']='x'})"] = "headers must be a list",
        ["import('LrHttp').get('http://a', {{field='A', value='b\\r\\nC: d'}})"] = "one line",
        ["import('LrHttp').get('/path')"] = "url must be an address",
        ["import('LrTasks').sleep(-1)"] = "seconds from 0",
        ["import('LrPrefs').prefsForPlugin().call = function() end"] = "cannot be kept",
        ["import('LrPathUtils').getStandardFilePath('anywhere')"] = "no folder anywhere",
        ["import('LrLogger')('x').info('y')"] = "called with a colon",
        ["import('LrProgressScope')({title='x'}):setPortionComplete(2)"] = "from 0 to 1",
        ["import('LrView').osFactory():slider({})"] = "no control slider",
        ["import('LrDialogs').message(5)"] = "must be a string",
    }) do
        world:inTask(function()
            fails(world, text, part)
        end)
    end
end)

it("keeps of a preference's table only what was assigned", function()
    local world = World.new(newFolder())
    world.runText([[
        local prefs = import('LrPrefs').prefsForPlugin()
        prefs.list = { 1 }
        table.insert(prefs.list, 2)
    ]], "=text")
    expect(world.preferences.list, { 1 })
end)

it("counts what a task raises as one of Lightroom's error dialogs", function()
    local world = World.new(newFolder())
    world.runText("import('LrTasks').startAsyncTask(function() error('broke') end)", "=text")
    world:pass(1)
    expect(#world.dialogs, 1)
    expectPart(world.dialogs[1], "broke")
end)
