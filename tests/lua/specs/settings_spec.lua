local World = require 'world'

it("reads addresses in every usual form", function()
    local Settings = World.new(newFolder()).require("Settings")
    for text, address in pairs({
        ["http://127.0.0.1:5100"] = "http://127.0.0.1:5100",
        [" 127.0.0.1:5100/ "] = "http://127.0.0.1:5100",
        ["http://localhost:5100"] = "http://127.0.0.1:5100",
        ["HTTPS://Photos.Example"] = "https://photos.example",
        ["https://localhost:5100"] = "https://localhost:5100", -- its certificate says so
        ["http://[::1]:5100"] = "http://[::1]:5100",
    }) do
        expect(Settings.readAddress(text), address)
    end
    for _, wrong in ipairs({ "", "http://", "ftp://a", "http://a/path", "http://a:port", "http://a b", 5, {}, "a\r\nb" }) do
        local address, problem = Settings.readAddress(wrong)
        expect(address, nil, tostring(wrong))
        expect(type(problem), "string")
    end
end)

it("takes the default for preferences that are damaged", function()
    for _, damaged in ipairs({ 5, true, {}, "http://a/b", "\0\1", ("x"):rep(100000) .. "/" }) do
        local world = World.new(newFolder())
        world.preferences.address = damaged
        expect(world.require("Settings").address(), "http://127.0.0.1:5100", type(damaged))
    end
end)

it("gives the token, and none for what cannot be one", function()
    local world = World.new(newFolder())
    local Settings = world.require("Settings")
    expect(Settings.token(), nil)
    Settings.storeToken(" jobreel_abc\n")
    expect(Settings.token(), "jobreel_abc")
    for _, none in ipairs({ "", "  ", "a\r\nX-Evil: 1" }) do
        Settings.storeToken(none)
        expect(Settings.token(), nil)
    end
    Settings.storeToken("jobreel_abc")
    world.keyStoreFails = true
    expect(Settings.token(), nil)
end)

it("writes the log unless it is switched off, at once when it is switched", function()
    local world = World.new(newFolder())
    local Log = world.require("Log")
    Log.info("one")
    world.preferences.log = false
    Log.info("two")
    world.preferences.log = true
    Log.error("three")
    expect(world.log, { "info one", "error three" })
end)

it("waits with full jitter, twice as long after each failure, 30 s at most", function()
    local Backoff = World.new(newFolder()).require("Backoff")
    local longest, shortest = Backoff.new(function() return 1 end), Backoff.new(function() return 0 end)
    local waits = {}
    for index = 1, 9 do
        waits[index] = longest:next()
        expect(shortest:next(), 0)
    end
    expect(waits, { 0.5, 1, 2, 4, 8, 16, 30, 30, 30 })
    expect(longest:next(7), 30)
    longest:reset()
    expect(longest:next(), 0.5)
    expect(longest:next(7), 7)
    expect(longest:next(3600), 30)
    for _ = 1, 10000 do
        longest:next()
    end
    expect(longest:next(), 30)
end)
