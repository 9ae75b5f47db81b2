--- Whether the server answers, and lets this user in. In a task only.

local Http = require 'Http'
local Settings = require 'Settings'

local ConnectionTest = {}

local TIMEOUT_SECONDS = 10

local function hint(problem)
    local address = Settings.address()
    if problem.status == 401 then
        return Settings.token() and "The server does not take this token: it was revoked, has ended, or is mistyped."
            or "The server asks for a token. Make one with: tracker token create --name lightroom --scope report,read"
    end
    if problem.status == 403 then return "The token does not allow this: " .. problem.text end
    if problem.code then return "The server answers, but does not succeed: " .. problem.text end
    if problem.status then
        return "Something answers at " .. address .. ", but it is not a tracker server (HTTP " .. problem.status .. ")."
    end
    local why = " (" .. problem.text .. "). "
    return "Nobody answers at " .. address .. why .. "Is the server running? Start it with: tracker serve"
end

-- No events are sent: who may send some is told that the list is empty, who may not is told that.
local function mayReport()
    local _, problem = Http.post("/events", "[]", TIMEOUT_SECONDS)
    return problem and problem.code == "invalid_event", problem
end

--- Ask, with the address and the token that are kept.
-- @return boolean, and what it says in a sentence or two for people
function ConnectionTest.run()
    local answer, problem = Http.get("/jobs?limit=1", TIMEOUT_SECONDS)
    if not answer then return false, hint(problem) end
    local isAllowed
    isAllowed, problem = mayReport()
    if isAllowed then return true, "Connected: jobs can be reported and followed." end
    if problem and problem.status == 403 then
        return false, "Jobs can be followed, but not reported: the token needs the scope report."
    end
    return false, hint(problem or { status = 200 })
end

return ConnectionTest
