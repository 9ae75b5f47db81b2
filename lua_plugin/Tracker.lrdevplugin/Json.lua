--- JSON: what dkjson leaves open is settled here, and what the server would refuse is refused.
--
-- dkjson writes an empty table as `[]`, a table whose only field is a number called `n` as an array of so many nulls,
-- and numbers with 14 digits. Here `Json.object` marks what must be `{}`, and every number is written exactly.

local dkjson = require 'dkjson'
local Text = require 'Text'

local Json = {}

--- A null: in a table it would be a missing field.
Json.null = dkjson.null

local MOST_LEVELS = 32
local MOST_TABLES = 10000 -- the server reads 20,000 brackets at most
local LARGEST_INTEGER = 2 ^ 53 - 1

local OBJECT = { __jsontype = "object" }
local EXACT = {
    __tojson = function(number)
        return number.text
    end,
}

--- Mark a table as an object, so that it is written as `{}` when it is empty.
-- @param fields table, or nil for a new one; changed in place
-- @return table the same one
function Json.object(fields)
    return setmetatable(fields or {}, OBJECT)
end

local function isFinite(number)
    return number == number and number ~= math.huge and number ~= -math.huge
end

local function numberText(number)
    if not isFinite(number) then return "null" end
    if number == math.floor(number) and math.abs(number) <= LARGEST_INTEGER then
        return string.format("%.0f", number)
    end
    local text = string.format("%.14g", number)
    if tonumber(text) ~= number or number == math.floor(number) then
        text = string.format("%.16e", number) -- with an exponent, a number is none of the integers that have a limit
    end
    return (text:gsub(",", ".")) -- the decimal point of some countries
end

local function exact(number)
    return setmetatable({ text = numberText(number) }, EXACT)
end

local function isList(value)
    local declared = (getmetatable(value) or {}).__jsontype
    if declared == "object" then return false end
    local count, last = 0, 0
    for key in pairs(value) do
        if type(key) ~= "number" or key < 1 or key ~= math.floor(key) then return false end
        count = count + 1
        last = math.max(last, key)
    end
    -- A few holes are nulls; a table with numbers far apart is an object.
    return last <= 2 * count + 10, last
end

local ready -- forward: what dkjson writes as it is meant

local function readyList(list, length, state, level)
    local copy = {}
    for index = 1, length do
        copy[index] = list[index] == nil and Json.null or ready(list[index], state, level)
    end
    return copy
end

local function readyObject(object, state, level)
    local copy = Json.object()
    for key, value in pairs(object) do
        if type(key) == "number" then
            key = numberText(key)
        elseif type(key) ~= "string" then
            error({ problem = "the keys of a table must be strings, not a " .. type(key) }, 0)
        end
        copy[Text.clean(key)] = ready(value, state, level)
    end
    return copy
end

local function readyTable(value, state, level)
    state.tables = state.tables + 1
    if level > MOST_LEVELS then error({ problem = "nested more than " .. MOST_LEVELS .. " levels deep" }, 0) end
    if state.tables > MOST_TABLES then error({ problem = "more than " .. MOST_TABLES .. " tables" }, 0) end
    local list, length = isList(value)
    if list then return readyList(value, length, state, level + 1) end
    return readyObject(value, state, level + 1)
end

function ready(value, state, level)
    local kind = type(value)
    if kind == "string" then return Text.clean(value) end
    if kind == "number" then return exact(value) end
    if kind == "boolean" or value == Json.null then return value end
    if kind == "table" then return readyTable(value, state, level) end
    error({ problem = "a " .. kind .. " is not a JSON value" }, 0)
end

--- A value as JSON, without line breaks.
-- A number that is not finite is null; bytes that are not UTF-8 are U+FFFD; nil within a list is null.
-- @param value table, string, number, boolean or Json.null
-- @return string, or nil and what is wrong: a function, a cycle, more than 32 levels, more than 10,000 tables
function Json.encode(value)
    local ok, copy = pcall(ready, value, { tables = 0 }, 0)
    if not ok then return nil, type(copy) == "table" and copy.problem or tostring(copy) end
    return dkjson.encode(copy)
end

--- The value of a JSON text, all of it: text that is cut, or goes on after the value, is none.
-- @param text string
-- @param null what stands for null; nil (a field that is not there) unless it is given
-- @return the value, or nil and what is wrong
function Json.decode(text, null)
    if type(text) ~= "string" then return nil, "there is no text" end
    local ok, value, position, problem = pcall(dkjson.decode, text, 1, null)
    if not ok then return nil, "it is nested too deeply" end
    if problem then return nil, problem end
    if text:find("%S", position) then return nil, "something follows the value at byte " .. position end
    return value
end

return Json
