--- What the user sets, in the plug-in's preferences and, for the token, in the system's key store.
--
-- Preferences are a file that others may damage: a value that makes no sense is as good as none.

local LrPasswords = import 'LrPasswords'
local LrPrefs = import 'LrPrefs'
local Text = require 'Text'

local Settings = {}

Settings.DEFAULT_ADDRESS = "http://127.0.0.1:5100"
local TOKEN = "token" -- the key in LrPasswords
local LONGEST = 300 -- characters of an address, or of a token

--- The plug-in's preferences: `address`, `log`, `progress`, and what Place keeps there.
-- @return table
function Settings.preferences()
    return LrPrefs.prefsForPlugin()
end

--- An address in its usual form, without a path.
-- "localhost" becomes 127.0.0.1: Windows tries ::1 first, where the server does not listen.
-- @param text what the user typed
-- @return string, or nil and what is wrong with it
function Settings.readAddress(text)
    if type(text) ~= "string" or #text > LONGEST then return nil, "the address must be a short text" end
    text = text:match("^%s*(.-)[/%s]*$")
    if not text:find("://", 1, true) then text = "http://" .. text end
    local scheme, host, rest = text:match("^([hH][tT][tT][pP][sS]?)://([%w%.%-]+)(.*)$")
    if not scheme then scheme, host, rest = text:match("^([hH][tT][tT][pP][sS]?)://(%[[%x:]+%])(.*)$") end
    local port = rest and (rest == "" and "" or rest:match("^:%d+$"))
    if not port then return nil, "the address must be like " .. Settings.DEFAULT_ADDRESS end
    scheme, host = scheme:lower(), host:lower()
    if scheme == "http" and host == "localhost" then host = "127.0.0.1" end
    return scheme .. "://" .. host .. port
end

--- Where the server is: the preference `address`, or the default where that is none.
-- @return string without a slash at its end
-- @return what is wrong with the preference, or nil
function Settings.address()
    local text = Settings.preferences().address
    if text == nil then return Settings.DEFAULT_ADDRESS end
    local address, problem = Settings.readAddress(text)
    return address or Settings.DEFAULT_ADDRESS, problem
end

--- Whether the plug-in writes its log: the preference `log`, true unless it is false.
-- @return boolean
function Settings.isLogging()
    return Settings.preferences().log ~= false
end

--- Whether Lightroom shows the progress of jobs: the preference `progress`, true unless it is false.
-- @return boolean
function Settings.isShowingProgress()
    return Settings.preferences().progress ~= false
end

--- A token without the blanks around it.
-- @param text what the user typed
-- @return string, "" for none; or nil if it could not be one
function Settings.readToken(text)
    if text == nil then return "" end
    if type(text) ~= "string" or #text > LONGEST then return nil end
    text = text:match("^%s*(.-)%s*$")
    -- In a header, a line break would begin another one.
    if text:find("%c") then return nil end
    return Text.clean(text)
end

--- The token to show the server.
-- @return string, or nil if there is none or it could not be one
function Settings.token()
    local ok, token = pcall(LrPasswords.retrieve, TOKEN)
    token = ok and token ~= nil and Settings.readToken(token) or ""
    return token ~= "" and token or nil
end

--- Keep a token in the system's key store; "" for none.
-- @param token string
function Settings.storeToken(token)
    LrPasswords.store(TOKEN, token)
end

return Settings
