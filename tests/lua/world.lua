--- A Lightroom in a test: its clock, tasks, disk, preferences, log, and whoever answers its questions.

local Sandbox = require 'sandbox'
local Scheduler = require 'scheduler'

local World = {}
World.__index = World

World.PLUGIN = os.getenv("TRACKER_PLUGIN") or "lua_plugin/Tracker.lrdevplugin"
local SDK = (debug.getinfo(1, "S").source:match("^@(.*)world%.lua$") or "") .. "sdk/"

--- A clock that stands still unless somebody waits.
local function virtualClock()
    local now = 1762684200.25 -- 2025-11-09T10:30:00.250Z
    return {
        now = function()
            return now
        end,
        pause = function(_, _, seconds)
            -- A turn takes some time in any case: who asks again and again at once gets old over it.
            now = now + math.max(seconds, 0.001)
            return {}, {}
        end,
    }
end

--- @param folder path of an empty folder: every standard folder of this world
-- @param options table or nil: `clock`; `answer`, a function(world, request) that returns what LrHttp returns;
-- `haste`: a task that sleeps is woken so many times too early
function World.new(folder, options)
    options = options or {}
    local world = setmetatable({
        folder = folder,
        clock = options.clock or virtualClock(),
        answer = options.answer,
        haste = options.haste or 1,
        preferences = {},
        passwords = {},
        preferenceWrites = 0,
        log = {},
        dialogs = {},
        bezels = {},
        scopes = {},
        windows = {},
        operations = 0, -- of the disk
    }, World)
    return world:restart()
end

--- End Lightroom at once, and start it anew: tasks and memory are gone, the disk and the preferences stay.
function World:restart()
    self:checkTasks()
    self.scheduler = Scheduler.new(self.clock)
    self.isLogging, self.scopes, self.windows = false, {}, {}
    return self:reload(true)
end

--- Load the plug-in anew: tasks go on. Whether `_G` stays is told both ways.
-- @param isAllNew whether it does not
function World:reload(isAllNew)
    if isAllNew or not self.globals then
        self.globals = Sandbox.globals(function(path, mode)
            return self:open(path, mode)
        end)
    end
    local imported = {}
    self.require, self.runText = Sandbox.load(self.globals, World.PLUGIN, function(name)
        if imported[name] == nil then imported[name] = assert(loadfile(SDK .. name .. ".lua"))()(self) end
        return imported[name]
    end)
    return self
end

--- The plug-in's own files are loaded by it.
function World:client()
    return self.require("WebSocketClient")
end

--- Run a file of the plug-in, as Lightroom does when it loads it or its menu item is chosen.
function World:script(name)
    local file = assert(io.open(World.PLUGIN .. "/" .. name, "rb"))
    local text = file:read("*a")
    file:close()
    return self.runText(text, "@" .. name)
end

-- Whatever a task did not catch, Lightroom shows in a dialog.
function World:checkTasks()
    for _, failure in ipairs(self.scheduler and self.scheduler.failures or {}) do
        table.insert(self.dialogs, failure)
    end
    if self.scheduler then self.scheduler.failures = {} end
end

--- Let tasks run until a condition holds; an error if it does not within so many seconds of the clock (600).
function World:waitFor(isDone, seconds)
    local held = self.scheduler:run(isDone, seconds or 600)
    self:checkTasks()
    if not held then error("waited in vain; the log says:\n" .. self:logText(), 2) end
end

--- Let so many seconds pass.
function World:pass(seconds)
    local never = function()
        return false
    end
    self.scheduler:run(never, seconds)
    self:checkTasks()
end

--- Run a function in a task, until it is over.
function World:inTask(call)
    local isOver = false
    self.scheduler:start(function()
        call()
        isOver = true
    end, "test")
    self:waitFor(function()
        self:checkTasks()
        return isOver or #self.dialogs > 0
    end)
    if not isOver then error(self.dialogs[#self.dialogs], 2) end
end

function World:logged(level, text)
    table.insert(self.log, level .. " " .. text)
end

function World:logText()
    return table.concat(self.log, "\n")
end

--- How many lines of the log have a plain text in them.
function World:countLogged(text)
    local count = 0
    for _, line in ipairs(self.log) do
        if line:find(text, 1, true) then count = count + 1 end
    end
    return count
end

-- The disk, which may fail.

--- Called before every change of the disk; `failAt` counts them.
function World:operation(name, path)
    self.operations = self.operations + 1
    if self.crashAt == self.operations then error("crashed at " .. name .. " " .. path, 0) end
end

local File = {}
File.__index = File

function World:open(path, mode)
    assert(type(path) == "string" and (mode == nil or mode:match("^[rwa]b?$")), "io.open: path and mode")
    local isWriting = mode and not mode:find("r")
    if isWriting then self:operation("open", path) end
    if isWriting and self.isDiskFull then return nil, path .. ": No space left on device", 28 end
    local handle, problem, code = io.open(path, mode)
    if not handle then return nil, problem, code end
    return setmetatable({ world = self, handle = handle, path = path }, File)
end

function File:write(text)
    assert(type(text) == "string", "file:write: a string")
    local world = self.world
    world.operations = world.operations + 1
    if world.crashAt == world.operations then
        -- As the disk may have it then: some of it.
        self.handle:write(text:sub(1, math.floor(#text / 2)))
        self.handle:close()
        error("crashed at write " .. self.path, 0)
    end
    if world.isDiskFull then
        self.handle:write(text:sub(1, math.floor(#text / 2)))
        return nil, "No space left on device", 28
    end
    return self.handle:write(text)
end

function File:flush()
    return self.handle:flush()
end

function File:read(what)
    return self.handle:read(what)
end

function File:seek(...)
    return self.handle:seek(...)
end

function File:close()
    return self.handle:close()
end

return World
