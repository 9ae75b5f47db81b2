--- What most specs begin with: a world, a server that answers it, and the plug-in.

local FakeServer = require 'fake_server'
local World = require 'world'

local Setting = {}

--- @return world, server
function Setting.new()
    local server = FakeServer.new()
    local world = World.new(newFolder(), {
        answer = function(world, request)
            return server:answer(world, request)
        end,
    })
    return world, server
end

--- Wait until the server has so many events.
function Setting.recorded(world, server, count)
    world:waitFor(function()
        return #server.log >= count
    end)
end

--- Report a job with so many progress events, and nothing else.
function Setting.report(client, job, progress)
    assert(client.sendJobStart(job, 1))
    for index = 1, progress do
        assert(client.sendJobProgress(job, "importing", index % 101, "step " .. index))
    end
end

--- What listeners hear, under a name: the list grows.
function Setting.heard(client, name)
    local heard = {}
    assert(client.addEventListener(name, function(data)
        table.insert(heard, data)
    end))
    return heard
end

return Setting
