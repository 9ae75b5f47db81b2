--- The settings while the user edits them: `address`, `token`, `log`, `progress`, and `state`, which is shown only.

local ConnectionTest = require 'ConnectionTest'
local Log = require 'Log'
local Settings = require 'Settings'
local Tasks = require 'Tasks'
local Watch = require 'Watch'
local WebSocketClient = require 'WebSocketClient'

local SettingsForm = {}

--- Fill in what is kept.
-- @param properties of the dialog
function SettingsForm.load(properties)
    properties.address = Settings.address()
    properties.token = Settings.token() or ""
    properties.log = Settings.isLogging()
    properties.progress = Settings.isShowingProgress()
    properties.state = Watch.current():state()
end

local function keepToken(text)
    local ok, problem = pcall(Settings.storeToken, text)
    if not ok then Log.error("The token could not be kept: " .. tostring(problem)) end
    return ok
end

--- Keep what was filled in; who is connected is connected anew if the address or the token changed. What makes no
-- sense is left as it was.
-- @return true; or nil and what is wrong
function SettingsForm.keep(properties)
    local preferences, address, token = Settings.preferences(), Settings.address(), Settings.token() or ""
    preferences.log, preferences.progress = properties.log ~= false, properties.progress ~= false
    local wanted, problem = Settings.readAddress(properties.address)
    if not wanted then return nil, problem end
    local newToken = Settings.readToken(properties.token)
    if not newToken then return nil, "the token must be a text in one line" end
    if newToken ~= token and not keepToken(newToken) then
        return nil, "the system's key store did not take the token"
    end
    preferences.address = wanted
    if wanted ~= address or newToken ~= token then WebSocketClient.reconnect() end
    return true
end

--- Keep what was filled in, and ask the server; `state` says how it went. From anywhere.
function SettingsForm.test(properties)
    local ok, problem = SettingsForm.keep(properties)
    if not ok then
        properties.state = "Not kept: " .. problem .. "."
        return
    end
    properties.state = "Asking " .. Settings.address() .. " …"
    Tasks.start("test", function()
        local _, text = ConnectionTest.run()
        properties.state = text
    end)
end

return SettingsForm
