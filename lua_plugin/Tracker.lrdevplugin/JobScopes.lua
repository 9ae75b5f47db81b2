--- Lightroom's own progress bars: one for each followed job. Cancelling one stops following that job, not the job.
--
-- Every active job is followed, until the user says otherwise. Lightroom has room for a few bars: the jobs after those
-- have theirs when one is free. What is followed no more is kept in a preference, for the next session.

local LrProgressScope = import 'LrProgressScope'
local Log = require 'Log'
local Settings = require 'Settings'

local JobScopes = {}
JobScopes.__index = JobScopes

local MOST = 6 -- bars at a time
local MOST_UNFOLLOWED = 100 -- jobs; of more, the first are followed again

local function keptIds()
    local kept, ids = Settings.preferences().unfollowed, {}
    for _, id in ipairs(type(kept) == "table" and kept or {}) do
        if type(id) == "string" and #ids < MOST_UNFOLLOWED then ids[#ids + 1] = id end
    end
    return ids
end

--- @param jobs ActiveJobs
function JobScopes.new(jobs)
    return setmetatable({ jobs = jobs, bars = {}, count = 0, unfollowed = keptIds() }, JobScopes)
end

--- What a job is doing, in a line.
-- @param job as of ActiveJobs
-- @return string
function JobScopes.caption(job)
    local stage = job.stage and job.stage:gsub("_", " ") or "waiting"
    return job.text and stage .. ": " .. job.text or stage
end

--- @return whether the job's bar is wanted
function JobScopes:isFollowed(id)
    for _, other in ipairs(self.unfollowed) do
        if other == id then return false end
    end
    return true
end

function JobScopes:keep(ids)
    while #ids > MOST_UNFOLLOWED do
        table.remove(ids, 1)
    end
    self.unfollowed = ids
    Settings.preferences().unfollowed = ids
end

--- Follow a job, or no more.
-- @param id of a job
-- @param isFollowed boolean
function JobScopes:follow(id, isFollowed)
    if self:isFollowed(id) == isFollowed then return end
    local ids = {}
    for _, other in ipairs(self.unfollowed) do
        if other ~= id then ids[#ids + 1] = other end
    end
    if not isFollowed then ids[#ids + 1] = id end
    self:keep(ids)
end

function JobScopes:remove(id)
    local scope = self.bars[id].scope
    self.bars[id] = nil
    self.count = self.count - 1
    scope:done()
end

function JobScopes:add(job)
    local scope = LrProgressScope({ title = job.title })
    scope:setCancelable(true)
    self.bars[job.id] = { scope = scope, title = job.title }
    self.count = self.count + 1
end

-- Only what changed: each change makes Lightroom draw.
local function show(bar, job)
    local caption, progress = JobScopes.caption(job), job.progress
    if caption ~= bar.caption then bar.scope:setCaption(caption) end
    if progress ~= bar.progress then bar.scope:setPortionComplete(progress, 100) end
    bar.caption, bar.progress = caption, progress
end

-- The title of a scope cannot be changed: where the file's name came late, there is a new one.
function JobScopes:isOver(id, bar)
    local job = self.jobs:get(id)
    return not job or not self:isFollowed(id) or bar.title ~= job.title or not Settings.isShowingProgress()
end

function JobScopes:removeThose()
    for id, bar in pairs(self.bars) do
        if bar.scope:isCanceled() then self:follow(id, false) end
        if self:isOver(id, bar) then self:remove(id) end
    end
    self:forgetThoseThatEnded()
end

-- Only once the whole list was there: until then, a job that is not known may be active.
function JobScopes:forgetThoseThatEnded()
    if not self.jobs.isComplete or #self.unfollowed == 0 then return end
    local ids = {}
    for _, id in ipairs(self.unfollowed) do
        if self.jobs:get(id) then ids[#ids + 1] = id end
    end
    if #ids < #self.unfollowed then self:keep(ids) end
end

--- Bring the bars in line with the jobs, and with what the user cancelled. In a task only.
-- @param mayAdd false while the past is told: most of its jobs are over
function JobScopes:update(mayAdd)
    self:removeThose()
    if not Settings.isShowingProgress() then return end
    for _, id in ipairs(self.jobs:ids()) do
        local hasRoom = mayAdd and self.count < MOST
        if not self.bars[id] and hasRoom and self:isFollowed(id) then self:add(self.jobs:get(id)) end
        if self.bars[id] then show(self.bars[id], self.jobs:get(id)) end
    end
end

--- Take all bars away.
function JobScopes:finish()
    for id in pairs(self.bars) do
        local ok, problem = pcall(self.remove, self, id) -- one that fails does not leave the others
        if not ok then Log.error("A progress bar failed: " .. tostring(problem)) end
    end
end

return JobScopes
