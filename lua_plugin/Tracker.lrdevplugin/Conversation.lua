--- The questions of a client that polls, and whether their answers are ones. In a task only.
--
-- Each returns nil and a problem (see Http.get) when it did not get what it asked for.

local Http = require 'Http'
local Json = require 'Json'
local Text = require 'Text'

local Conversation = {}

local ASK_SECONDS = 15 -- timeout of what is answered at once
local SPARE_SECONDS = 5 -- timeout of a poll, beyond its wait

local function none(what)
    return nil, { text = "the answer is not one to " .. what }
end

--- Become a client of the server.
-- @return table with `client_id`, `cursor`, `epoch`
function Conversation.shakeHands()
    local hello = { client_type = "lightroom", client_name = "Lightroom Classic", protocol_version = 1 }
    local answer, problem = Http.post("/ws/handshake", Json.encode(hello), ASK_SECONDS)
    if not answer then return nil, problem end
    if type(answer.client_id) ~= "string" or type(answer.cursor) ~= "string" or type(answer.epoch) ~= "string" then
        return none("a handshake")
    end
    return answer
end

-- A message that is refused is a problem like any other.
local function refusalIn(problem)
    local response = problem.answer and problem.answer.response
    if type(response) ~= "table" or type(response.code) ~= "string" then return problem end
    return { status = problem.status, code = response.code, field = response.field, text = tostring(response.error) }
end

--- Send a message.
-- @param clientId string
-- @param message table
-- @return table, the server's answer to the message
function Conversation.say(clientId, message)
    local body, wrong = Json.encode({ client_id = clientId, message = message })
    if not body then return nil, { text = wrong } end
    local answer, problem = Http.post("/ws/send", body, ASK_SECONDS)
    if not answer then return nil, refusalIn(problem) end
    if type(answer.response) ~= "table" or type(answer.response.type) ~= "string" then return none("a message") end
    return answer.response
end

--- Ask for what comes after a place.
-- @param clientId string
-- @param channels list of names
-- @param after position, or nil for from now on
-- @param epoch the log that the position is of
-- @return the position that the subscription begins after, or nil if the server did not say
function Conversation.subscribe(clientId, channels, after, epoch)
    local message = { type = "subscribe", channels = channels, after = after, epoch = epoch }
    local response, problem = Conversation.say(clientId, message)
    if not response then return nil, problem end
    if response.type ~= "subscription_confirmed" or type(response.after) ~= "number" then
        return none("a subscription")
    end
    return response.after
end

--- Ask for what is new.
-- @param clientId string
-- @param cursor string that the server gave
-- @param waitSeconds number, 0 to 30: how long the server may wait for something
-- @return table with `messages` (list) and `cursor`
function Conversation.poll(clientId, cursor, waitSeconds)
    local query = "?client_id=" .. Text.urlEncoded(clientId) .. "&cursor=" .. Text.urlEncoded(cursor)
    local answer, problem = Http.get("/ws/poll" .. query .. "&wait=" .. waitSeconds, waitSeconds + SPARE_SECONDS)
    if not answer then return nil, problem end
    if type(answer.messages) ~= "table" or type(answer.cursor) ~= "string" then return none("a poll") end
    return answer
end

--- Say goodbye; whether the server hears it makes no difference.
-- @param clientId string
function Conversation.leave(clientId)
    Http.post("/ws/disconnect", Json.encode({ client_id = clientId }), ASK_SECONDS)
end

return Conversation
