--- The window with the active jobs: it stays open beside Lightroom's, and shows what changes.

local LrBinding = import 'LrBinding'
local LrDialogs = import 'LrDialogs'
local LrFunctionContext = import 'LrFunctionContext'
local LrTasks = import 'LrTasks'
local LrView = import 'LrView'
local Generation = require 'Generation'
local JobScopes = require 'JobScopes'
local Log = require 'Log'
local Tasks = require 'Tasks'
local Watch = require 'Watch'

local JobsWindow = {}
JobsWindow.__index = JobsWindow

local ROWS = 12 -- a window's views cannot be added to later
local TICK_SECONDS = 0.5

local function heading(watch)
    local count = watch.jobs:count()
    local jobs = count == 0 and "No active jobs" or count == 1 and "1 active job" or count .. " active jobs"
    return jobs .. " · " .. watch:state()
end

local function more(count)
    return count > ROWS and "and " .. (count - ROWS) .. " more" or ""
end

local function fill(properties, row, watch, id)
    local job = id and watch.jobs:get(id)
    properties["id" .. row] = id or ""
    properties["shown" .. row] = job ~= nil
    properties["title" .. row] = job and job.title or ""
    properties["caption" .. row] = job and JobScopes.caption(job) or ""
    properties["percent" .. row] = job and string.format("%.0f %%", job.progress) or ""
    properties["follow" .. row] = job and (watch.scopes:isFollowed(id) and "Stop Following" or "Follow") or ""
end

--- Bring the properties in line with the jobs: `heading`, `more`, and for each row `shown1`, `title1`, `caption1`,
-- `percent1`, `follow1`, `id1`.
-- @param properties of the window
-- @param watch Watch
function JobsWindow.refresh(properties, watch)
    local ids = watch.jobs:ids()
    properties.heading, properties.more = heading(watch), more(#ids)
    for row = 1, ROWS do
        fill(properties, row, watch, ids[row])
    end
end

local function toggle(properties, watch, row)
    local id = properties["id" .. row]
    if id == "" then return end
    watch.scopes:follow(id, not watch.scopes:isFollowed(id))
    JobsWindow.refresh(properties, watch)
end

local function rowView(factory, properties, watch, row)
    local bind = LrView.bind
    return factory:row({
        spacing = factory:control_spacing(),
        factory:static_text({ title = bind("title" .. row), width_in_chars = 24, truncation = "middle" }),
        factory:static_text({ title = bind("caption" .. row), width_in_chars = 44, truncation = "tail" }),
        factory:static_text({ title = bind("percent" .. row), width_in_chars = 6, alignment = "right" }),
        factory:push_button({
            title = bind("follow" .. row),
            visible = bind("shown" .. row), -- rows have no such property
            width_in_chars = 14,
            action = function()
                toggle(properties, watch, row)
            end,
        }),
    })
end

local function contents(properties, watch)
    local factory = LrView.osFactory()
    local views = {
        bind_to_object = properties,
        spacing = factory:control_spacing(),
        factory:static_text({ title = LrView.bind("heading"), width_in_chars = 90, truncation = "tail" }),
        factory:separator({ fill_horizontal = 1 }),
    }
    for row = 1, ROWS do
        views[#views + 1] = rowView(factory, properties, watch, row)
    end
    views[#views + 1] = factory:static_text({ title = LrView.bind("more"), width_in_chars = 20 })
    return factory:column(views)
end

-- Whether the window of these properties is open: it may be another one already.
function JobsWindow:shows(properties)
    return self.isOpen and self.properties == properties
end

function JobsWindow:run(properties, watch)
    local said
    while self:shows(properties) and Generation.isCurrent() do
        local ok, problem = LrTasks.pcall(JobsWindow.refresh, properties, watch)
        if not ok and problem ~= said then Log.error("The window of jobs failed: " .. tostring(problem)) end
        said = problem
        LrTasks.sleep(TICK_SECONDS)
    end
    if self:shows(properties) and self.controls then self.controls.close() end -- its code is no longer there
end

function JobsWindow:present(context)
    local properties, watch = LrBinding.makePropertyTable(context), Watch.current()
    JobsWindow.refresh(properties, watch)
    self.properties = properties
    Tasks.start("window", function()
        self:run(properties, watch)
    end)
    LrDialogs.presentFloatingDialog(_PLUGIN, {
        title = "Jobs",
        contents = contents(properties, watch),
        blockTask = true, -- what is bound lives as long as the context does
        save_frame = "jobreel_jobs",
        onShow = function(controls)
            self.controls = controls
        end,
        windowWillClose = function()
            self.isOpen = false
        end,
    })
end

function JobsWindow:open()
    local ok, problem = LrTasks.pcall(LrFunctionContext.callWithContext, "jobreel jobs", function(context)
        self:present(context)
    end)
    self.isOpen, self.controls, self.properties = false, nil, nil
    if not ok then Log.error("The window of jobs failed: " .. tostring(problem)) end
end

--- Open the window, or bring the open one to the front.
function JobsWindow.show()
    local window = Generation.one("window", function()
        return setmetatable({ isOpen = false }, JobsWindow)
    end)
    if window.isOpen then
        if window.controls then window.controls.toFront() end
        return
    end
    window.isOpen = true
    Tasks.start("jobs window", function()
        window:open()
    end)
end

return JobsWindow
