--- Follows the server while Lightroom runs: which jobs are active, and their progress bars.

local LrDate = import 'LrDate'
local LrTasks = import 'LrTasks'
local ActiveJobs = require 'ActiveJobs'
local Client = require 'Client'
local Generation = require 'Generation'
local Http = require 'Http'
local JobScopes = require 'JobScopes'
local Log = require 'Log'
local Settings = require 'Settings'
local Tasks = require 'Tasks'

local Watch = {}
Watch.__index = Watch

local TICK_SECONDS = 0.5
local ASK_SECONDS = 15 -- timeout
local AGAIN_SECONDS = 10 -- after a question that failed
local REFRESH_SECONDS = 60 -- what ended on channels that are not followed is gone after so long
local LOST_SECONDS = 60 -- without the server, what bars show is no longer true
local MOST_JOBS = 200 -- of one answer

local function new()
    local jobs = ActiveJobs.new()
    return setmetatable({
        jobs = jobs,
        scopes = JobScopes.new(jobs),
        wanted = 1, -- how often a list was wanted
        listed = 0, -- which of these was the last that came
        askAt = 0,
        liveAt = 0,
        address = Settings.address(),
        said = {}, -- what the log says already, by what failed
    }, Watch)
end

-- A line when it begins or changes, not one each time.
function Watch:say(what, problem)
    if problem and problem ~= self.said[what] then Log.warn(what .. ": " .. problem) end
    self.said[what] = problem
end

function Watch:want()
    self.wanted, self.askAt = self.wanted + 1, 0
end

function Watch:listCame(answer, problem, before, wanted)
    if wanted ~= self.wanted then return end -- it may be of another log, or of another server
    local isList = answer and type(answer.jobs) == "table"
    self:say("The list of jobs did not come", not isList and (problem and problem.text or "the answer is none") or nil)
    self.askAt = LrDate.currentTime() + (isList and REFRESH_SECONDS or AGAIN_SECONDS)
    if not isList then return end
    self.listed = wanted
    self.jobs:load(answer.jobs, answer.cursor == nil, before)
end

-- The events from now on say what changes; the list says what there is.
function Watch:load()
    self.isLoading = true
    Tasks.start("list of jobs", function()
        local before, wanted = self.jobs:ids(), self.wanted
        local ok, answer, problem = LrTasks.pcall(Http.get, "/jobs?status=active&limit=" .. MOST_JOBS, ASK_SECONDS)
        self.isLoading = false
        if not ok then answer, problem = nil, { text = tostring(answer) } end
        if Generation.isCurrent() then self:listCame(answer, problem, before, wanted) end
    end)
end

function Watch:loadIfDue(now)
    if self.isLoading or now < self.askAt then return end
    if self.listed ~= self.wanted or self.jobs:count() > 0 then self:load() end
end

function Watch:noticeAddress()
    if Settings.address() == self.address then return end
    self.address = Settings.address()
    self.jobs:clear()
    self:want()
end

function Watch:tick(poller)
    local now = LrDate.currentTime()
    self:noticeAddress()
    if poller.isLive then
        self.liveAt = now
        self:loadIfDue(now)
    end
    if poller.run == 0 or now - self.liveAt > LOST_SECONDS then return self.scopes:finish() end
    self.scopes:update(not poller.isCatchingUp)
end

function Watch:run(poller)
    while Generation.isCurrent() do
        local ok, problem = LrTasks.pcall(self.tick, self, poller)
        self:say("Showing the jobs failed", not ok and tostring(problem) or nil)
        LrTasks.sleep(TICK_SECONDS)
    end
    self.scopes:finish()
end

function Watch:take(message)
    if message.replay then return end -- the past, told as if it were now
    if message.type == "reset" then self.jobs:clear() end
    if message.type == "reset" or message.type == "truncated" then self:want() end
    self.jobs:take(message)
end

function Watch:listen(listeners)
    listeners:add("message", function(message)
        self:take(message)
    end)
    listeners:add("connected", function()
        self.problem = nil
        self:want()
    end)
    listeners:add("disconnected", function(told)
        self.problem = told.text
    end)
    listeners:add("error", function(told)
        if told.what == "Following the server" then self.problem = told.text end
    end)
end

local function start()
    local watch, client = new(), Client.current()
    watch:listen(client.listeners)
    client.poller:connect()
    Tasks.start("jobs", function()
        watch:run(client.poller)
    end)
    return watch
end

--- The one of the latest load; it begins to follow the server when it is first asked for.
-- @return Watch with `jobs` (ActiveJobs) and `scopes` (JobScopes)
function Watch.current()
    return Generation.one("watch", start)
end

local function stateOf(poller, problem)
    if poller.isLive then return "Connected" end
    if poller.run == 0 then return "Not following the server" end
    return problem and "Not connected: " .. problem or "Connecting …"
end

--- Whether the server is followed, in a line for people.
-- @return string
function Watch:state()
    local client = Client.current()
    local text, waiting = stateOf(client.poller, self.problem), client.outbox:count()
    if waiting == 0 then return text end
    return string.format("%s; %.0f %s to be delivered", text, waiting, waiting == 1 and "event" or "events")
end

--- The same of the one of the latest load.
function Watch.describe()
    return Watch.current():state()
end

return Watch
