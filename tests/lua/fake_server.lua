--- The tracker's server as the plug-in sees it, within the test: its rules in short, and every way it may fail.

local World = require 'world'

local json = assert(loadfile(World.PLUGIN .. "/dkjson.lua"))()

local FakeServer = {}
FakeServer.__index = FakeServer

local LATENCY_SECONDS = 0.01
local MOST_BODY_BYTES = 256 * 1024
local HTML = "<html><head><title>Sign in</title></head><body>Room number?</body></html>"

function FakeServer.new()
    return setmetatable({
        epoch = "epoch-1",
        log = {},
        byEventId = {},
        jobs = {},
        clients = {},
        clientCount = 0,
        requests = {},
        faults = {},
        horizon = 0,
    }, FakeServer)
end

--- Have the next answers go wrong, one after the other.
function FakeServer:failNext(...)
    for _, fault in ipairs({ ... }) do
        table.insert(self.faults, fault)
    end
end

local function info(status, fields)
    local list = { status = status }
    for field, value in pairs(fields or {}) do
        table.insert(list, { field = field, value = value })
    end
    return list
end

local function answer(value, status, fields)
    return json.encode(value), info(status or 200, fields)
end

local function refusal(status, code, more)
    local body = { success = false, error = "refused: " .. code, code = code }
    for name, value in pairs(more or {}) do
        body[name] = value
    end
    return answer(body, status)
end

local NO_ANSWER = { error = { errorCode = "cannotConnectToHost", name = "no connection", nativeCode = 61 } }
local CUT = { error = { errorCode = "networkConnectionLost", name = "the connection was lost", nativeCode = 57 } }

-- `before`: the request does not reach the server; `after`: it does, and its answer is changed.
local FAULTS = {
    away = { before = function() return nil, NO_ANSWER end },
    cut = { after = function() return nil, CUT end },
    half = { after = function(body, got) return body and body:sub(1, math.floor(#body / 2)), got end },
    wrongStatus = {
        after = function(body, got)
            got.status = 502
            return body, got
        end,
    },
    late = {
        after = function(body, got, world)
            world.scheduler:wait({ at = world.clock.now() + 5 }, "LrHttp")
            return body, got
        end,
    },
    jsonNotFound = { before = function() return refusal(404, "not_found") end },
    html = { before = function() return HTML, info(200, { ["Content-Type"] = "text/html" }) end },
    htmlNotFound = { before = function() return HTML, info(404) end },
    empty = { before = function() return "", info(200) end },
    nothing = { before = function() return "", nil end },
    redirect = { before = function() return "", info(302, { Location = "http://elsewhere.example/" }) end },
    error500 = { before = function() return refusal(500, "internal_error") end },
    error503 = {
        before = function()
            return answer({ success = false, error = "busy", code = "store_unavailable" }, 503, { ["Retry-After"] = "7" })
        end,
    },
    error401 = { before = function() return refusal(401, "unauthorized") end },
    error403 = { before = function() return refusal(403, "forbidden") end },
    error429 = { before = function() return refusal(429, "too_many_requests") end },
    proxy502 = { before = function() return HTML, info(502) end },
    yes = { before = function() return '{"success":true}', info(200) end },
    list = { before = function() return "[1,2,3]", info(200) end },
    raises = { before = function() error("LrHttp broke") end },
}

--- Answer a request: the world's `answer`.
function FakeServer:answer(world, request)
    world.scheduler:wait({ at = world.clock.now() + LATENCY_SECONDS }, "LrHttp")
    local path = request.url:gsub("^https?://[^/]*", "")
    table.insert(self.requests, { method = request.method, path = path, body = request.body, timeout = request.timeout })
    local fault = FAULTS[table.remove(self.faults, 1) or self.isAway and "away"] or {}
    if fault.before then return fault.before() end
    local body, got = self:route(world, request, path)
    if fault.after then return fault.after(body, got, world) end
    return body, got
end

function FakeServer:isAllowed(request)
    if not self.token then return true end
    for _, header in ipairs(request.headers) do
        if header.field == "Authorization" then return header.value == "Bearer " .. self.token end
    end
end

function FakeServer:route(world, request, path)
    if not self:isAllowed(request) then return refusal(401, "unauthorized") end
    if request.body then
        for _, header in ipairs(request.headers) do
            if header.field == "Content-Type" and header.value ~= "application/json" then
                return refusal(415, "unsupported_media_type")
            end
        end
        if #request.body > MOST_BODY_BYTES then return refusal(413, "request_entity_too_large") end
    end
    local body = request.body and json.decode(request.body)
    if request.body and type(body) ~= "table" then return refusal(400, "invalid_event") end
    if path:find("^/jobs%?") then return self:listJobs(path) end
    if path == "/events" then
        if self.token and self.isReadOnly then return refusal(403, "forbidden") end
        if #body == 0 then return refusal(400, "invalid_event") end
        return self:record(body)
    end
    if path == "/ws/handshake" then return self:handshake() end
    if path == "/ws/send" then return self:send(body) end
    if path == "/ws/disconnect" then return self:disconnect(body) end
    if path:find("^/ws/poll%?") then return self:poll(world, path) end
    return refusal(404, "not_found")
end

-- What the server would say to an event; nil if it takes it.
function FakeServer:refusalOf(event, jobs)
    local state = jobs[event.job_id] or self.jobs[event.job_id]
    if self.byEventId[event.event_id] then return nil end
    if self.refuse and self.refuse(event) then return self.refuse(event) end
    if event.type == "job_started" then
        if state then return "job_exists", 409 end
        jobs[event.job_id] = "active"
    elseif not state then
        return "job_not_found", 404
    elseif state == "finished" then
        return "job_finished", 409
    elseif event.type == "job_completed" or event.type == "job_failed" then
        jobs[event.job_id] = "finished"
    end
end

function FakeServer:record(events)
    local jobs = {}
    for index, event in ipairs(events) do
        local code, status = self:refusalOf(event, jobs)
        if code then return refusal(status, code, { index = not self.namesNone and index - 1 or nil }) end
    end
    for job, state in pairs(jobs) do
        self.jobs[job] = state
    end
    local places = {}
    for _, event in ipairs(events) do
        if not self.byEventId[event.event_id] or self.forgetsIds then self:append(event) end
        table.insert(places, { position = self.byEventId[event.event_id], sequence = 1 })
    end
    return answer({ success = true, events = places })
end

-- What the log says of the jobs that are not over, the newest first.
function FakeServer:activeJobs()
    local jobs, order = {}, {}
    for _, event in ipairs(self.log) do
        local job = jobs[event.job_id]
        if event.type == "job_started" then
            job = { job_id = event.job_id, photo_info = event.photo_info, status = "active", progress = 0 }
            jobs[event.job_id] = job
            table.insert(order, 1, job)
        elseif job and event.type == "job_progress" then
            job.current_stage, job.progress, job.message = event.stage, event.progress, event.message
        elseif job and (event.type == "job_completed" or event.type == "job_failed") then
            job.isOver = true
        end
        if job then job.position = event.position end
    end
    local active = {}
    for _, job in ipairs(order) do
        if not job.isOver then table.insert(active, job) end
    end
    return active
end

function FakeServer:listJobs(path)
    local limit, jobs = tonumber(path:match("limit=(%d+)")), self:activeJobs()
    local cursor = #jobs > limit and "1" or nil
    while #jobs > limit do
        table.remove(jobs)
    end
    return answer({ success = true, jobs = setmetatable(jobs, { __jsontype = "array" }), cursor = cursor })
end

--- Add an event to the log, as another producer.
function FakeServer:append(event)
    event.position, event.sequence = #self.log + 1, #self.log + 1
    table.insert(self.log, event)
    if event.event_id then self.byEventId[event.event_id] = event.position end
    return event
end

function FakeServer:handshake()
    self.clientCount = self.clientCount + 1
    local id = "client-" .. self.clientCount
    self.clients[id] = { told = { { type = "connection_established", client_id = id } } }
    return answer({ success = true, client_id = id, protocol_version = 1, epoch = self.epoch, cursor = "0@" .. self.epoch })
end

--- Forget the clients, as a server that was started anew.
function FakeServer:restart()
    self.clients = {}
end

--- Take another log.
function FakeServer:replaceLog(epoch)
    self:restart()
    self.epoch, self.log, self.byEventId, self.jobs = epoch, {}, {}, {}
end

function FakeServer:subscribe(client, message)
    local after = message.after
    if message.epoch and message.epoch ~= self.epoch then
        table.insert(client.told, { type = "reset", epoch = self.epoch, head = #self.log })
        after = 0
    end
    if after and after > #self.log then return { type = "error", error = "beyond", code = "invalid_query", field = "after" } end
    if after and after < self.horizon then
        table.insert(client.told, { type = "truncated", after = after, horizon = self.horizon })
    end
    client.generation = (client.generation or 0) + 1
    client.after = after or #self.log
    client.isCatchingUp = after ~= nil
    client.channels = message.channels
    return { type = "subscription_confirmed", channels = message.channels, after = client.after }
end

function FakeServer:send(body)
    local client = self.clients[body.client_id]
    if not client then return refusal(404, "unknown_client") end
    local response = { type = "pong" }
    if body.message.type == "subscribe" then response = self:subscribe(client, body.message) end
    if body.message.type == "register" then response = { type = "registration_confirmed" } end
    return answer({ success = response.type ~= "error", response = response })
end

function FakeServer:disconnect(body)
    self.clients[body.client_id] = nil
    return answer({ success = true })
end

-- The cursor says how far the client is, and that it was told what its client tells first.
function FakeServer:poll(world, path)
    local id = path:match("client_id=([^&]*)"):gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end)
    local cursor = path:match("cursor=([^&]*)"):gsub("%%40", "@")
    local patience = world.clock.now() + tonumber(path:match("wait=(%d+)"))
    while true do
        local client = self.clients[id]
        if not client then return refusal(404, "unknown_client") end
        local generation, position = cursor:match("^(%d+)%.(%d+)@")
        local isKnown = tonumber(generation) == client.generation
        local from = isKnown and tonumber(position) or client.after or #self.log
        local messages = {}
        if not isKnown then
            for _, message in ipairs(client.told) do
                table.insert(messages, message)
            end
        end
        for place = from + 1, math.min(#self.log, from + 500) do
            if place ~= self.losesPosition then table.insert(messages, self:streamed(place)) end
        end
        for _, message in ipairs(self.says or {}) do
            table.insert(messages, message)
        end
        self.says = nil
        local last = math.min(#self.log, from + 500)
        if not isKnown and client.isCatchingUp then
            table.insert(messages, { type = "caught_up", position = last, prev = last })
        end
        if #messages > 0 or world.clock.now() >= patience then
            local after = string.format("%d.%d@%s", client.generation or 0, last, self.epoch)
            return answer({ success = true, messages = setmetatable(messages, { __jsontype = "array" }), cursor = after })
        end
        world.scheduler:wait({ at = world.clock.now() + 0.05 }, "LrHttp")
    end
end

function FakeServer:streamed(place)
    local event = {}
    for name, value in pairs(self.log[place]) do
        event[name] = value
    end
    event.prev = place - 1
    return event
end

--- What was recorded, in its order, one field of each.
function FakeServer:recorded(field)
    local values = {}
    for _, event in ipairs(self.log) do
        table.insert(values, event[field])
    end
    return values
end

return FakeServer
