--- The jobs that are active, as the server's messages tell of them.
--
-- A job: `id`, `title` (its file's name, or its id), `stage`, `text` (the last message of it), `progress` (0 to 100).
-- `isComplete`: all that are active are known, as far as they can be.

local ActiveJobs = {}
ActiveJobs.__index = ActiveJobs

local MOST = 1000 -- jobs; what starts while there are so many is not shown
local MOST_ENDED = 1000 -- jobs that are remembered as ended, for answers that were written before

function ActiveJobs.new()
    return setmetatable({ jobs = {}, order = {}, ended = {}, endedOrder = {}, isComplete = false }, ActiveJobs)
end

local function textOf(value)
    return type(value) == "string" and value ~= "" and value or nil
end

local function portion(value)
    if type(value) ~= "number" or value ~= value then return nil end
    return math.min(100, math.max(0, value))
end

local function fileName(info)
    return type(info) == "table" and textOf(info.file_name) or nil
end

function ActiveJobs:known(id)
    if self.ended[id] then return nil end
    local job = self.jobs[id]
    if not job and #self.order < MOST then
        job = { id = id, title = id, progress = 0 }
        self.jobs[id] = job
        table.insert(self.order, id)
    end
    return job
end

function ActiveJobs:remove(id)
    if not self.jobs[id] then return end
    self.jobs[id] = nil
    for index, other in ipairs(self.order) do
        if other == id then return table.remove(self.order, index) end
    end
end

function ActiveJobs:hasEnded(id)
    self:remove(id)
    if self.ended[id] then return end
    self.ended[id] = true
    table.insert(self.endedOrder, id)
    if #self.endedOrder > MOST_ENDED then self.ended[table.remove(self.endedOrder, 1)] = nil end
end

local TAKE = {}

function TAKE.job_started(job, message)
    job.startedAt = textOf(message.timestamp)
    job.title = fileName(message.photo_info) or job.title
end

function TAKE.job_progress(job, message)
    job.stage = textOf(message.stage) or job.stage
    job.text = textOf(message.message)
    job.progress = portion(message.progress) or job.progress
end

function TAKE.error_occurred(job, message)
    job.text = textOf(message.error_message) or job.text
end

--- Take in what a message says of a job; other messages change nothing.
-- @param message table with a `type`
function ActiveJobs:take(message)
    local id = textOf(message.job_id)
    if not id then return end
    if message.type == "job_completed" or message.type == "job_failed" then return self:hasEnded(id) end
    local change = TAKE[message.type]
    local job = change and self:known(id)
    if job and (message.position or 0) > (job.position or 0) then
        job.position = message.position
        change(job, message)
    end
end

function ActiveJobs:takeStatus(status)
    local id = type(status) == "table" and textOf(status.job_id)
    local job = id and self:known(id)
    if not job then return end
    job.title = fileName(status.photo_info) or job.title
    job.startedAt = textOf(status.started_at) or job.startedAt
    if type(status.position) ~= "number" or status.position <= (job.position or 0) then return end
    job.position = status.position
    job.stage, job.text = textOf(status.current_stage), textOf(status.message)
    job.progress = portion(status.progress) or job.progress
end

-- The list comes later than the first events: what it adds may have begun before them.
function ActiveJobs:sort()
    local numbers = {}
    for number, id in ipairs(self.order) do
        numbers[id] = number
    end
    table.sort(self.order, function(one, other)
        local oneAt, otherAt = self.jobs[one].startedAt, self.jobs[other].startedAt
        oneAt, otherAt = oneAt or "", otherAt or ""
        if oneAt ~= otherAt then return oneAt < otherAt end
        return numbers[one] < numbers[other]
    end)
end

--- Take in the server's list of active jobs.
-- @param statuses list of job statuses, the newest job first
-- @param isAll whether no other job was active when the list was written
-- @param before ids of the jobs that were known before the server was asked: what is not in the list has ended
function ActiveJobs:load(statuses, isAll, before)
    local listed = {}
    for index = #statuses, 1, -1 do
        self:takeStatus(statuses[index])
        if type(statuses[index]) == "table" then listed[statuses[index].job_id or false] = true end
    end
    self:sort()
    self.isComplete = isAll
    if not isAll then return end
    for _, id in ipairs(before) do
        if not listed[id] then self:remove(id) end
    end
end

--- Forget everything: the server has another log.
function ActiveJobs:clear()
    self.jobs, self.order, self.ended, self.endedOrder, self.isComplete = {}, {}, {}, {}, false
end

--- @return list of ids, in the order in which the jobs began, as far as that is known
function ActiveJobs:ids()
    return { unpack(self.order) }
end

--- @return the job, or nil if it is not active
function ActiveJobs:get(id)
    return self.jobs[id]
end

--- @return how many there are
function ActiveJobs:count()
    return #self.order
end

return ActiveJobs
