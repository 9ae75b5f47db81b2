--- Lightroom's own progress bars: one for each followed job. Cancelling one stops following that job, not the job.
--
-- Every active job is followed, until the user says otherwise. Lightroom has room for a few bars: the jobs after those
-- have theirs when one is free.

local LrProgressScope = import 'LrProgressScope'
local Settings = require 'Settings'

local JobScopes = {}
JobScopes.__index = JobScopes

local MOST = 6 -- bars at a time

--- @param jobs ActiveJobs
function JobScopes.new(jobs)
    return setmetatable({ jobs = jobs, bars = {}, count = 0, unfollowed = {} }, JobScopes)
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
    return not self.unfollowed[id]
end

--- Follow a job, or no more.
-- @param id of a job
-- @param isFollowed boolean
function JobScopes:follow(id, isFollowed)
    self.unfollowed[id] = not isFollowed or nil
end

function JobScopes:remove(id)
    self.bars[id].scope:done()
    self.bars[id] = nil
    self.count = self.count - 1
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
    return not job or self.unfollowed[id] or bar.title ~= job.title or not Settings.isShowingProgress()
end

function JobScopes:removeThose()
    for id, bar in pairs(self.bars) do
        if bar.scope:isCanceled() then self:follow(id, false) end
        if self:isOver(id, bar) then self:remove(id) end
    end
    for id in pairs(self.unfollowed) do
        if not self.jobs:get(id) then self.unfollowed[id] = nil end
    end
end

--- Bring the bars in line with the jobs, and with what the user cancelled. In a task only.
function JobScopes:update()
    self:removeThose()
    if not Settings.isShowingProgress() then return end
    for _, id in ipairs(self.jobs:ids()) do
        if not self.bars[id] and self.count < MOST and self:isFollowed(id) then self:add(self.jobs:get(id)) end
        if self.bars[id] then show(self.bars[id], self.jobs:get(id)) end
    end
end

--- Take all bars away.
function JobScopes:finish()
    for id in pairs(self.bars) do
        self:remove(id)
    end
end

return JobScopes
