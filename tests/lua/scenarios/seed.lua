--- The quick start document's Lua, as it is written there: ADDRESS FOLDER TOKEN, the snippets on standard input.

local here = arg[0]:match("^(.*)scenarios/") or ""
package.path = here .. "?.lua;" .. package.path

local Live = require 'live'

local address, folder, token = arg[1], arg[2], arg[3]
local world = Live.new(address, folder, 20)
world.passwords.token = token
local client = world:client()
local refused = {}
client.addEventListener("refused", function(told)
    table.insert(refused, told)
end)

local snippets = io.read("*a")
world.runText(snippets, "=snippets")
assert(world.questions == 0, "the calls returned before anything was sent")
Live.delivered(world, 20)
local Json = world.require("Json")
print(Json.encode({ refused = refused, dialogs = world.dialogs, log = world.log, pending = world.questions == 0 }))
