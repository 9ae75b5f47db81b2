--- Report and follow at the same time: ADDRESS FOLDER EVENTS [no_ids|no_place].
--
-- Goes on when all EVENTS were delivered and heard; prints what was heard, and the progress as it goes. `no_ids` and
-- `no_place` take away what the plug-in stands on.

local here = arg[0]:match("^(.*)scenarios/") or ""
package.path = here .. "?.lua;" .. package.path

local Live = require 'live'

local HASTE = 20
local LIVES = 4 -- of Lightroom
local PATIENCE_SECONDS = 240

local address, folder, events, without = arg[1], arg[2], tonumber(arg[3]), arg[4]
local world = Live.new(address, folder, HASTE)
local heard, said, refused = {}, 0, 0

if without == "no_ids" then
    world.change = function(request)
        if request.body then request.body = request.body:gsub('"event_id":"[^"]*",', ""):gsub(',"event_id":"[^"]*"', "") end
    end
end

local function begin()
    if without == "no_place" then
        world.require("Place").moveTo = function() end
    end
    local client = world:client()
    client.addEventListener("message", function(message)
        if message.sequence then table.insert(heard, message.position .. ":" .. tostring(message.message)) end
    end)
    client.addEventListener("refused", function()
        refused = refused + 1
    end)
    client.init()
    world:waitFor(client.isConnected, PATIENCE_SECONDS)
    return client
end

-- Mostly one at a time, so that each costs a question of either kind; now and then several at once.
local function exchange(client, upTo)
    while said < upTo do
        for _ = 1, said % 10 == 0 and 3 or 1 do
            said = said + 1
            assert(client.sendJobProgress("job", "importing", said % 101, "event " .. said))
        end
        local wanted = without and 0 or said
        world:waitFor(function()
            return #heard > wanted or without
        end, PATIENCE_SECONDS)
        if without then world:pass(0.01) end
        print("said " .. said)
        io.stdout:flush()
    end
end

assert(begin().sendJobStart("job", 1))
for life = 1, LIVES do
    exchange(world:client(), math.floor(events * life / LIVES))
    if life < LIVES then
        -- Lightroom ends with something still to say.
        said = said + 1
        assert(world:client().sendJobProgress("job", "importing", 1, "event " .. said))
        world:restart()
        begin()
    end
end
Live.delivered(world, PATIENCE_SECONDS)
if without then world:pass(2) end
local Json = world.require("Json")
print(Json.encode({
    said = said,
    heard = #heard > 0 and table.concat(heard, ",") or "",
    refused = refused,
    dialogs = #world.dialogs,
    questions = world.questions,
}))
