--- The seven event messages: checked before they are taken in, so that the caller hears of a mistake, not the log.
--
-- The limits are the server's (docs/protocol.md, "Bad input"). What only the server can know, whether a job was
-- started or a stage is one of the job's, it says later.

local Clock = require 'Clock'
local EventId = require 'EventId'
local Json = require 'Json'
local Text = require 'Text'

local Event = {}

local MOST_CHARACTERS = 200
local MOST_STAGE_CHARACTERS = 100
local MOST_BYTES = 64 * 1024
local LARGEST_INTEGER = 2 ^ 53 - 1

local function nameOf(most)
    return function(value)
        if type(value) ~= "string" then return "must be a text" end
        local length = Text.length(value)
        if length < 1 or length > most then return "must have 1 to " .. most .. " characters" end
        if value:find("%c") then return "must have only printable characters" end
    end
end

local identifier, stage = nameOf(MOST_CHARACTERS), nameOf(MOST_STAGE_CHARACTERS)

local function text(value)
    if type(value) ~= "string" then return "must be a text" end
end

local function optional(check)
    return function(value)
        if value ~= nil then return check(value) end
    end
end

local function number(low, high)
    return function(value)
        -- A number that is none (0/0) is not between any two.
        if type(value) ~= "number" or not (value >= low and value <= high) then
            return "must be a number from " .. low .. (high < math.huge and " to " .. high or "")
        end
    end
end

local function object(value)
    if value == nil then return end
    if type(value) ~= "table" then return "must be a table" end
    if value[1] ~= nil then return "must be a table with names, not a list" end
end

local function photoId(value)
    if type(value) == "number" then
        if value ~= math.floor(value) or math.abs(value) > LARGEST_INTEGER then return "must be a whole number" end
    elseif value ~= nil then
        return identifier(value)
    end
end

local function success(expected)
    return function(value)
        if value ~= expected then return "must be " .. tostring(expected) end
    end
end

local duration = optional(number(0, math.huge))

-- In this order they are checked. An object that is not given is an empty one.
local FIELDS = {
    job_started = { { "photo_info", object } },
    job_progress = {
        { "stage", stage },
        { "progress", number(0, 100) },
        { "message", optional(text) },
        { "details", object },
    },
    stage_completed = { { "stage", stage }, { "result", object } },
    photo_info = { { "photo_data", object } },
    error_occurred = {
        { "error_type", identifier },
        { "error_message", text },
        { "error_details", object },
        { "stage", optional(stage) },
    },
    job_completed = { { "success", success(true) }, { "result", object }, { "duration", duration } },
    job_failed = { { "success", success(false) }, { "result", object }, { "duration", duration } },
}
local OF_ALL = { { "job_id", identifier }, { "photo_id", photoId }, { "event_id", optional(identifier) } }

local function problemOf(message, fields)
    for _, field in ipairs(fields) do
        local name, check = field[1], field[2]
        local problem = check(message[name])
        if problem then return name .. ": " .. problem end
    end
end

local function complete(message)
    local whole = {}
    for name, value in pairs(message) do
        whole[name] = value
    end
    for _, field in ipairs(FIELDS[message.type]) do
        local name, check = field[1], field[2]
        if check == object then
            -- Of a copy: the caller's table is its own.
            local copy = Json.object()
            for key, value in pairs(message[name] or {}) do
                copy[key] = value
            end
            whole[name] = copy
        end
    end
    whole.event_id = message.event_id or EventId.next()
    whole.timestamp = type(message.timestamp) == "string" and message.timestamp or Clock.timestamp()
    return Json.object(whole)
end

--- Whether a message is of one of the seven types.
-- @param message any value
-- @return boolean
function Event.isOne(message)
    return type(message) == "table" and FIELDS[message.type] ~= nil
end

--- Check an event message and write it as JSON, with its `event_id` and the time now.
-- @param message table with `type`, `job_id` and the type's fields; it is not changed
-- @return table with `kind` ("t" for progress, "m" for the others), `job` and `text`; or nil and what is wrong
function Event.ready(message)
    if not Event.isOne(message) then return nil, "type: must be that of an event" end
    local problem = problemOf(message, OF_ALL) or problemOf(message, FIELDS[message.type])
    if problem then return nil, problem end
    local json, wrong = Json.encode(complete(message))
    if not json then return nil, message.type .. ": " .. wrong end
    if #json > MOST_BYTES then return nil, "the event has " .. #json .. " bytes, " .. MOST_BYTES .. " is the limit" end
    return { kind = message.type == "job_progress" and "t" or "m", job = message.job_id, text = json }
end

return Event
