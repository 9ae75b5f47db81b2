--- Report and follow with a token that is wrong at first: ADDRESS FOLDER TOKEN.

local here = arg[0]:match("^(.*)scenarios/") or ""
package.path = here .. "?.lua;" .. package.path

local Live = require 'live'

local world = Live.new(arg[1], arg[2], 20)
world.passwords.token = "jobreel_wrong"
local client = world:client()
local errors, heard = {}, {}
client.addEventListener("error", function(told)
    table.insert(errors, told.what .. ": " .. tostring(told.status) .. " " .. tostring(told.code))
end)
client.addEventListener("message", function(message)
    if message.sequence then table.insert(heard, message.type) end
end)
client.init()
client.sendJobStart("j")
world:waitFor(function()
    return #errors >= 2
end, 20)
assert(not client.isConnected())
world.passwords.token = arg[3]
Live.delivered(world, 30)
world:waitFor(client.isConnected, 30)
client.sendJobComplete("j", true)
world:waitFor(function()
    return heard[#heard] == "job_completed"
end, 20)
client.disconnect()
world:pass(1)
table.sort(errors)
local Json = world.require("Json")
print(Json.encode({ errors = errors, heard = heard, dialogs = world.dialogs, log = world.log }))
