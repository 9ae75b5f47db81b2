--- Questions to the server. In a task only.
--
-- An answer is taken for the server's only if it is JSON that says `"success": true` with status 200: what stands
-- between (a proxy, a login page of a hotel, another program on the port) answers with anything, and with any status.

local LrHttp = import 'LrHttp'
local LrTasks = import 'LrTasks'
local Json = require 'Json'
local Settings = require 'Settings'

local Http = {}

local function headers()
    local list = {
        { field = "Content-Type", value = "application/json" },
        { field = "Accept", value = "application/json" },
    }
    local token = Settings.token()
    if token then list[#list + 1] = { field = "Authorization", value = "Bearer " .. token } end
    return list
end

local function header(info, name)
    for _, entry in ipairs(info) do
        if type(entry) == "table" and type(entry.field) == "string" and entry.field:lower() == name then
            return entry.value
        end
    end
    return nil
end

local function noAnswer(info)
    local reason = type(info.error) == "table" and info.error.errorCode or "no answer"
    return { text = "the server did not answer: " .. tostring(reason) }
end

local function notJson(status)
    local text = "no answer of a tracker's server"
    return { status = status, text = status and text .. " (HTTP " .. status .. ")" or text }
end

local function integer(value)
    return type(value) == "number" and value == math.floor(value) and value or nil
end

local function unsuccessful(status, answer, info)
    return {
        status = status,
        code = type(answer.code) == "string" and answer.code or nil,
        text = type(answer.error) == "string" and answer.error or "the server did not succeed",
        field = type(answer.field) == "string" and answer.field or nil,
        index = integer(answer.index),
        retryAfter = tonumber(header(info, "retry-after")),
        answer = answer,
    }
end

local function judge(body, info)
    info = type(info) == "table" and info or {}
    if type(body) ~= "string" then return nil, noAnswer(info) end
    local status = tonumber(info.status)
    local answer = Json.decode(body)
    if type(answer) ~= "table" or answer.success == nil then return nil, notJson(status) end
    if status ~= 200 or answer.success ~= true then return nil, unsuccessful(status, answer, info) end
    return answer
end

local function ask(call, ...)
    local ok, body, info = LrTasks.pcall(call, ...)
    if not ok then return nil, { text = "the question could not be sent: " .. tostring(body) } end
    return judge(body, info)
end

--- Ask with GET.
-- @param path string that begins with a slash, with its query
-- @param timeoutSeconds number, for each phase of the connection
-- @return table, the answer; or nil and a problem: `text` for people and, where the server said them, `status`,
-- `code`, `field`, `index`, `retryAfter` (seconds), `answer` (the body)
function Http.get(path, timeoutSeconds)
    return ask(LrHttp.get, Settings.address() .. path, headers(), timeoutSeconds)
end

--- Ask with POST.
-- @param path string that begins with a slash
-- @param body string of JSON
-- @param timeoutSeconds number, for each phase of the connection
-- @return as Http.get
function Http.post(path, body, timeoutSeconds)
    return ask(LrHttp.post, Settings.address() .. path, body, headers(), "POST", timeoutSeconds)
end

return Http
