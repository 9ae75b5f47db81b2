--- Follows the server while Lightroom runs: which jobs are active, and their progress bars.

local LrDate = import 'LrDate'
local LrTasks = import 'LrTasks'
local ActiveJobs = require 'ActiveJobs'
local Client = require 'Client'
local Generation = require 'Generation'
local Http = require 'Http'
local JobScopes = require 'JobScopes'
local Log = require 'Log'
local Tasks = require 'Tasks'

local Watch = {}
Watch.__index = Watch

local TICK_SECONDS = 0.5
local ASK_SECONDS = 15 -- timeout
local AGAIN_SECONDS = 10 -- after a question that failed
local MOST_JOBS = 200 -- of one answer

local function new()
    local jobs = ActiveJobs.new()
    return setmetatable({ jobs = jobs, scopes = JobScopes.new(jobs), isListWanted = false, askAt = 0 }, Watch)
end

-- The events from now on say what changes; the list says what there is.
function Watch:load()
    local before = self.jobs:ids()
    local answer, problem = Http.get("/jobs?status=active&limit=" .. MOST_JOBS, ASK_SECONDS)
    if answer and type(answer.jobs) == "table" then
        self.isListWanted = false
        self.jobs:load(answer.jobs, answer.cursor == nil, before)
    else
        Log.warn("The list of jobs did not come: " .. (problem and problem.text or "the answer is none"))
        self.askAt = LrDate.currentTime() + AGAIN_SECONDS
    end
end

function Watch:tick(client)
    if self.isListWanted and client.poller.isLive and LrDate.currentTime() >= self.askAt then self:load() end
    self.scopes:update()
end

function Watch:run(client)
    while Generation.isCurrent() do
        local ok, problem = LrTasks.pcall(self.tick, self, client)
        if not ok then Log.error("Showing the jobs failed: " .. tostring(problem)) end
        LrTasks.sleep(TICK_SECONDS)
    end
    self.scopes:finish()
end

function Watch:listen(client)
    client.listeners:add("message", function(message)
        if message.type == "reset" then self.jobs:clear() end
        if message.type == "reset" or message.type == "truncated" then self.isListWanted = true end
        self.jobs:take(message)
    end)
    client.listeners:add("connected", function()
        self.isListWanted, self.askAt = true, 0
    end)
    client.listeners:add("error", function(told)
        self.problem = told.text
    end)
end

local function start()
    local watch, client = new(), Client.current()
    watch:listen(client)
    client.poller:connect()
    Tasks.start("jobs", function()
        watch:run(client)
    end)
    return watch
end

--- The one of the latest load; it begins to follow the server when it is first asked for.
-- @return Watch with `jobs` (ActiveJobs) and `scopes` (JobScopes)
function Watch.current()
    return Generation.one("watch", start)
end

--- Whether the server is followed, in a line for people.
-- @return string
function Watch:state()
    local client = Client.current()
    local waiting = client.outbox:count()
    local text = client.poller.isLive and "Connected"
        or client.poller.run == 0 and "Not followed"
        or "Not connected" .. (self.problem and ": " .. self.problem or "")
    if waiting == 0 then return text end
    return string.format("%s; %.0f %s to be delivered", text, waiting, waiting == 1 and "event waits" or "events wait")
end

return Watch
