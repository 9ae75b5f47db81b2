--- A Lightroom whose questions go over real sockets, and whose clock is the real one.

local socket = require 'socket'
local World = require 'world'

local Live = {}

local REAL_CLOCK = {
    now = socket.gettime,
    pause = function(readers, writers, seconds)
        if #readers + #writers == 0 then
            socket.sleep(math.min(seconds, 0.05))
            return {}, {}
        end
        local readable, writable = socket.select(readers, writers, seconds)
        return readable, writable
    end,
}

local LOST = { error = { errorCode = "networkConnectionLost", name = "lost", nativeCode = 57 } }
local NOBODY = { error = { errorCode = "cannotConnectToHost", name = "nobody there", nativeCode = 61 } }
local LATE = { error = { errorCode = "timedOut", name = "timed out", nativeCode = 60 } }

-- What is read or written until it is all there, a turn at a time. Returns nil and a problem, like LrHttp.

local function wait(world, wanted, deadline)
    wanted.at = deadline
    world.scheduler:wait(wanted, "LrHttp")
    return socket.gettime() < deadline
end

local function connect(world, host, port, deadline)
    local connection = socket.tcp()
    connection:settimeout(0)
    local ok, problem = connection:connect(host, port)
    if not ok and problem == "timeout" then
        if not wait(world, { writer = connection }, deadline) then return nil, LATE end
        ok, problem = connection:connect(host, port)
        if not ok and problem ~= "already connected" then return nil, NOBODY end
    elseif not ok then
        return nil, NOBODY
    end
    return connection
end

local function send(world, connection, text, deadline)
    local sent = 0
    while sent < #text do
        local last, problem, partial = connection:send(text, sent + 1)
        sent = last or partial
        if not last and problem ~= "timeout" then return nil, LOST end
        if not last and not wait(world, { writer = connection }, deadline) then return nil, LATE end
    end
    return true
end

-- Everything until the server closes, as the requests ask it to.
local function receive(world, connection, deadline)
    local parts = {}
    while true do
        local text, problem, partial = connection:receive(65536)
        table.insert(parts, text or partial)
        if problem == "closed" then return table.concat(parts) end
        if problem and problem ~= "timeout" then return nil, LOST end
        if problem and not wait(world, { reader = connection }, deadline) then return nil, LATE end
    end
end

local function unchunked(text)
    local parts = {}
    while true do
        local size, rest = text:match("^(%x+)[^\r\n]*\r\n(.*)$")
        local length = tonumber(size or "", 16)
        if not length or #rest < length then return nil end
        if length == 0 then return table.concat(parts) end
        table.insert(parts, rest:sub(1, length))
        text = rest:sub(length + 3)
    end
end

local function parse(world, text)
    local status, head, body = text:match("^HTTP/1%.[01] (%d%d%d)[^\r\n]*\r\n(.-)\r\n\r\n(.*)$")
    if not status then return nil, LOST end
    local info, length = { status = tonumber(status) }, nil
    for field, value in (head .. "\r\n"):gmatch("([^:\r\n]+):%s*([^\r\n]*)\r\n") do
        table.insert(info, { field = field, value = value })
        if field:lower() == "content-length" then length = tonumber(value) end
        if field:lower() == "transfer-encoding" and value:lower() == "chunked" then
            body = unchunked(body)
            if not body then return nil, LOST end
        end
    end
    if length and #body < length then
        -- Which of the two Lightroom does is not documented: a plug-in must bear both.
        world.cutAnswers = world.cutAnswers + 1
        if world.cutAnswers % 2 == 0 then return nil, LOST end
    end
    return body, info
end

local function requestText(request, host, path)
    local lines = { request.method .. " " .. path .. " HTTP/1.1", "Host: " .. host, "Connection: close" }
    for _, header in ipairs(request.headers) do
        table.insert(lines, header.field .. ": " .. header.value)
    end
    if request.body then table.insert(lines, "Content-Length: " .. #request.body) end
    return table.concat(lines, "\r\n") .. "\r\n\r\n" .. (request.body or "")
end

local function ask(world, connection, text, deadline)
    local ok, problem = send(world, connection, text, deadline)
    if not ok then return nil, problem end
    local answer
    answer, problem = receive(world, connection, deadline)
    if not answer then return nil, problem end
    return parse(world, answer)
end

local function answer(world, request)
    world.questions = world.questions + 1
    if world.change then world.change(request) end
    local host, path = request.url:match("^http://([^/]+)(/.*)$")
    local deadline = socket.gettime() + request.timeout
    local connection, problem = connect(world, host:match("^[^:]+"), tonumber(host:match(":(%d+)$")), deadline)
    if not connection then return nil, problem end
    local body, info = ask(world, connection, requestText(request, host, path), deadline)
    connection:close()
    return body, info
end

--- A world that asks the server at an address.
-- @param address string
-- @param folder path
-- @param haste number: pauses are so many times shorter than the plug-in asks for
function Live.new(address, folder, haste)
    local world = World.new(folder, { clock = REAL_CLOCK, answer = answer, haste = haste })
    world.questions, world.cutAnswers = 0, 0
    world.preferences.address = address
    return world
end

--- Wait until everything that was reported is delivered.
function Live.delivered(world, seconds)
    local Client = world.require("Client")
    world:waitFor(function()
        return Client.current().outbox:count() == 0 and not Client.current().delivery.isRunning
    end, seconds)
end

return Live
