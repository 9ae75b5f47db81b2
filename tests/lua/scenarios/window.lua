--- What Lightroom shows of the real server's jobs, and what the connection test says: ADDRESS FOLDER TOKEN.

local here = arg[0]:match("^(.*)scenarios/") or ""
package.path = here .. "?.lua;" .. package.path

local Live = require 'live'
local Screen = require 'screen'

local world = Live.new(arg[1], arg[2], 20)
world.passwords.token = arg[3]
world:script("PluginInit.lua")
world:script("ShowJobs.lua")
local client = world:client()
world:waitFor(client.isConnected, 20)
client.sendJobStart("mine", 7, { file_name = "IMG_007.CR3" })
client.sendJobProgress("mine", "exif_analysis", 40, "Reading")

local function shown()
    return table.concat(Screen.texts(world.windows[1].contents), "|")
end
local function waitForText(text)
    world:waitFor(function()
        return world.windows[1] and shown():find(text, 1, true)
    end, 20)
end
waitForText("exif analysis: Reading")
waitForText("theirs.CR3")
local seen = shown()
local scopes = #world.scopes
client.sendJobComplete("mine", true)
waitForText("1 active job")
local isRight, told
world:inTask(function()
    isRight, told = world.require("ConnectionTest").run()
end)
local Json = world.require("Json")
print(Json.encode({ seen = seen, scopes = scopes, is_right = isRight, told = told, dialogs = world.dialogs }))
