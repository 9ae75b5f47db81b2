--- The settings while the user edits them: `address`, `token`, `log`, `progress`, and `state`, which is shown only.

local Client = require 'Client'
local ConnectionTest = require 'ConnectionTest'
local Log = require 'Log'
local Settings = require 'Settings'
local Tasks = require 'Tasks'
local Watch = require 'Watch'
local WebSocketClient = require 'WebSocketClient'

local SettingsForm = {}

local function stateText()
    local ok, text = pcall(Watch.describe)
    return ok and text or "The plug-in could not start: " .. tostring(text)
end

--- Fill in what is kept.
-- @param properties of the dialog
function SettingsForm.load(properties)
    properties.address = Settings.address()
    properties.token = Settings.token() or ""
    properties.shownToken = properties.token -- the key store may not have opened: only what the user changed is new
    properties.log = Settings.isLogging()
    properties.progress = Settings.isShowingProgress()
    properties.state = stateText()
end

local function keepToken(text)
    local ok, problem = pcall(Settings.storeToken, text)
    if not ok then Log.error("The token could not be kept: " .. tostring(problem)) end
    return ok
end

local function keepAddress(properties)
    local before = Settings.address()
    local address, problem = Settings.readAddress(properties.address)
    if not address then return nil, problem end
    Settings.preferences().address = address
    return true, address ~= before
end

local function keepChangedToken(properties)
    local token = Settings.readToken(properties.token)
    if not token then return nil, "the token must be a text in one line" end
    if token == properties.shownToken then return true, false end
    if not keepToken(token) then return nil, "the system's key store did not take the token" end
    properties.shownToken = token
    return true, true
end

-- Who is not followed is not followed for this.
local function connectAnew()
    if Client.current().poller.run ~= 0 then WebSocketClient.reconnect() end
end

--- Keep what was filled in; who is followed is followed anew if the address or the token changed. What makes no sense
-- is left as it was, and does not keep the rest from being kept.
-- @return true; or nil and what is wrong
function SettingsForm.keep(properties)
    if not properties.shownToken then return true end -- nothing was filled in
    local preferences = Settings.preferences()
    preferences.log, preferences.progress = properties.log ~= false, properties.progress ~= false
    local isAddress, address = keepAddress(properties)
    local isToken, token = keepChangedToken(properties)
    if (isAddress and address) or (isToken and token) then connectAnew() end
    if not isAddress then return nil, address end
    if not isToken then return nil, token end
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
