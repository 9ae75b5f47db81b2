--- Reports jobs to the tracker's server, and follows them.
--
-- Lightroom's Lua has no WebSocket: the same messages go over HTTP. Every call returns at once, inside and outside of
-- tasks, and never raises. What was reported is on the disk before the call returns, and is delivered once and in its
-- order, whatever happens to the server, the network or Lightroom meanwhile.
--
--     local WebSocketClient = require 'WebSocketClient'
--     WebSocketClient.sendJobStart("job_12345", 456, { file_name = "IMG_001.CR3" })
--     WebSocketClient.sendJobProgress("job_12345", "exif_analysis", 25, "Analyzing EXIF data...")
--
-- The reporting calls return true; or nil and a message, if an argument makes no sense, or if the outbox is full
-- (10,000 events or 8 MiB wait, and no progress among them could be thinned).

local Channels = require 'Channels'
local Client = require 'Client'
local Log = require 'Log'

local WebSocketClient = {}

-- Nobody's job fails because its progress could not be told.
local function guarded(call)
    local ok, result, problem = pcall(call)
    if ok then return result, problem end
    Log.error("A call failed: " .. tostring(result))
    return nil, tostring(result)
end

local function report(message)
    return guarded(function()
        return Client.current():report(message)
    end)
end

--- A job begins.
-- @param jobId string, 1 to 200 characters; never used before
-- @param photoId whole number or string, or nil
-- @param photoInfo table, what is known of the photo, or nil
-- @return true; or nil and what is wrong
function WebSocketClient.sendJobStart(jobId, photoId, photoInfo)
    return report({ type = "job_started", job_id = jobId, photo_id = photoId, photo_info = photoInfo })
end

--- How far a job is. The only event that is thinned when the outbox is full.
-- @param jobId string
-- @param stage string, one of the tracker's, or of the job's own
-- @param progress number, 0 to 100
-- @param message string for people, or nil
-- @param details table, or nil
-- @return true; or nil and what is wrong
function WebSocketClient.sendJobProgress(jobId, stage, progress, message, details)
    return report({
        type = "job_progress",
        job_id = jobId,
        stage = stage,
        progress = progress,
        message = message,
        details = details,
    })
end

--- A stage is done.
-- @param jobId string
-- @param stage string
-- @param result table, or nil
-- @return true; or nil and what is wrong
function WebSocketClient.sendStageComplete(jobId, stage, result)
    return report({ type = "stage_completed", job_id = jobId, stage = stage, result = result })
end

--- What was learnt about the job's photo.
-- @param jobId string
-- @param photoId whole number or string, or nil for the job's own
-- @param photoData table, or nil
-- @return true; or nil and what is wrong
function WebSocketClient.sendPhotoInfo(jobId, photoId, photoData)
    return report({ type = "photo_info", job_id = jobId, photo_id = photoId, photo_data = photoData })
end

--- Something went wrong; the job goes on until it is completed.
-- @param jobId string
-- @param errorType string, 1 to 200 characters
-- @param errorMessage string for people
-- @param errorDetails table, or nil
-- @param stage string, where it happened, or nil
-- @return true; or nil and what is wrong
function WebSocketClient.sendError(jobId, errorType, errorMessage, errorDetails, stage)
    return report({
        type = "error_occurred",
        job_id = jobId,
        error_type = errorType,
        error_message = errorMessage,
        error_details = errorDetails,
        stage = stage,
    })
end

--- A job ends, for good.
-- @param jobId string
-- @param success boolean
-- @param result table, or nil
-- @param duration number of seconds from 0, or nil: then the server computes it
-- @return true; or nil and what is wrong
function WebSocketClient.sendJobComplete(jobId, success, result, duration)
    if type(success) ~= "boolean" then return nil, "success: must be true or false" end
    return report({
        type = success and "job_completed" or "job_failed",
        job_id = jobId,
        success = success,
        result = result,
        duration = duration,
    })
end

--- Send any message of the protocol: an event, or `subscribe`, `unsubscribe`, `ping`, `register`.
-- @param message table with a `type`; it is not changed
-- @return true; or nil and what is wrong
function WebSocketClient.send(message)
    return guarded(function()
        return Client.current():send(message)
    end)
end

--- Take up what an earlier session left in the outbox, and begin to follow the server.
-- @param options table or nil: `channels`, a list of what to follow ("jobs", "photos" and "system" by default)
-- @return true; or nil and what is wrong
function WebSocketClient.init(options)
    return guarded(function()
        local poller = Client.current().poller
        if type(options) == "table" and options.channels ~= nil then
            local channels, problem = Channels.of(options.channels)
            if not channels then return nil, problem end
            poller:setChannels(channels)
        end
        poller:connect()
        return true
    end)
end

--- Begin to follow the server: from the event after the last one that was handed on, in this session or an earlier
-- one; the first time, from now on. Lost connections are taken up again by themselves.
-- @return true
function WebSocketClient.connect()
    return guarded(function()
        Client.current().poller:connect()
        return true
    end)
end

--- Follow no more. What was reported is delivered all the same, and what can be reported still is.
-- @return true
function WebSocketClient.disconnect()
    return guarded(function()
        Client.current().poller:disconnect()
        return true
    end)
end

--- Follow with a new connection.
-- @return true
function WebSocketClient.reconnect()
    WebSocketClient.disconnect()
    return WebSocketClient.connect()
end

--- Whether the server is being followed, and its last answer was a good one.
-- @return boolean
function WebSocketClient.isConnected()
    return guarded(function()
        return Client.current().poller.isLive
    end) or false
end

--- The id by which the server knows this client.
-- @return string, or nil while it is not connected
function WebSocketClient.getClientId()
    return (guarded(function()
        return Client.current().poller:clientId()
    end))
end

--- Have one function called with each message of a type; a later one takes its place, nil takes it away.
-- @param messageType string: `job_progress`, `caught_up`, `reset`, …
-- @param handler function(message); it is called in a task, and may yield
-- @return true; or nil and what is wrong
function WebSocketClient.registerHandler(messageType, handler)
    return guarded(function()
        return Client.current().listeners:handle(messageType, handler)
    end)
end

--- Have one more function called.
-- @param eventType string: a message's type; `message` for all; or `connected` {client_id}, `disconnected` {text},
-- `refused` {event, code, text}: the server will never take this event; `thinned` {count, waiting}: so many progress
-- events were left out; `error` {what, text, code, status}: something fails, and is tried again
-- @param listener function(data); it is called in a task, and may yield
-- @return true; or nil and what is wrong
function WebSocketClient.addEventListener(eventType, listener)
    return guarded(function()
        return Client.current().listeners:add(eventType, listener)
    end)
end

--- Call it no more.
-- @return true if it was there, else false
function WebSocketClient.removeEventListener(eventType, listener)
    return guarded(function()
        return Client.current().listeners:remove(eventType, listener)
    end)
end

return WebSocketClient
