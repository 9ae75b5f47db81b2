--- The plug-in's log: `jobreel.log` in Lightroom's log folder, while the preference `log` is not off.

local LrLogger = import 'LrLogger'
local Settings = require 'Settings'

local Log = {}

local logger = LrLogger('jobreel')
local isEnabled = false

local function isOn()
    local wanted = Settings.isLogging()
    if wanted ~= isEnabled then
        isEnabled = wanted
        if wanted then logger:enable('logfile') else logger:disable() end
    end
    return wanted
end

--- @param text string
function Log.info(text)
    if isOn() then logger:info(text) end
end

--- @param text string
function Log.warn(text)
    if isOn() then logger:warn(text) end
end

--- @param text string
function Log.error(text)
    if isOn() then logger:error(text) end
end

return Log
