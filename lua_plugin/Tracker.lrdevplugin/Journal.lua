--- The outbox on the disk: an append-only file, written anew in a later one when most of it is done.
--
-- Lightroom's Lua cannot put one file in another's place at once. So there are numbered files, and a file counts from
-- the moment that its line `C` is on the disk: whatever moment a crash chooses, one of them is whole.

local LrFileUtils = import 'LrFileUtils'
local LrPathUtils = import 'LrPathUtils'
local JournalContents = require 'JournalContents'
local JournalLine = require 'JournalLine'
local Log = require 'Log'

local Journal = {}
Journal.__index = Journal

local NAME = "outbox-%06d.journal"

local function readFile(path)
    local file, problem = io.open(path, "rb")
    if not file then return nil, problem end
    local text, readProblem = file:read("*a")
    file:close()
    return text, readProblem
end

local function fileNumbers(folder)
    local numbers = {}
    if LrFileUtils.exists(folder) ~= "directory" then return numbers end
    for path in LrFileUtils.files(folder) do
        local number = LrPathUtils.leafName(path):match("^outbox%-(%d+)%.journal$")
        if number then numbers[#numbers + 1] = tonumber(number) end
    end
    table.sort(numbers)
    return numbers
end

--- A journal in a folder, which is made if it is not there. Nothing is read or written yet.
-- @param folder path
function Journal.new(folder)
    return setmetatable({ folder = folder, number = 0, size = 0, file = nil }, Journal)
end

function Journal:path(number)
    return LrPathUtils.child(self.folder, NAME:format(number))
end

local function contentsOf(texts)
    for index = #texts, 1, -1 do
        local contents = JournalContents.new()
        contents:read(texts[index])
        if contents.isComplete then return contents end
    end
    -- None is whole: all that can be read counts.
    local contents = JournalContents.new()
    for _, text in ipairs(texts) do
        contents:read(text)
    end
    return contents
end

local function report(contents)
    if contents.cut > 0 then Log.warn("The outbox's journal ends within a line: the event it began is lost") end
    if contents.damaged > 0 then Log.error("Lines of the outbox's journal that are damaged: " .. contents.damaged) end
end

--- Read what is there, and make it ready to be written to.
-- @return JournalContents
function Journal:open()
    LrFileUtils.createAllDirectories(self.folder)
    local numbers, texts = fileNumbers(self.folder), {}
    for _, number in ipairs(numbers) do
        local text, problem = readFile(self:path(number))
        if not text then Log.error("The outbox's journal cannot be read: " .. tostring(problem)) end
        texts[#texts + 1] = text or ""
    end
    local contents = contentsOf(texts)
    report(contents)
    self.number = numbers[#numbers] or 0
    -- What is appended to a damaged file might be lost with its damage.
    self.mustBeRewritten = not (#numbers == 1 and contents:isSound() and self:resume())
    return contents
end

function Journal:resume()
    local file = io.open(self:path(self.number), "ab")
    if not file then return false end
    self.file, self.size = file, file:seek("end") or 0
    return true
end

--- Append lines; they are the system's when this returns, and survive Lightroom.
-- @param text string
-- @return true, or nil and what is wrong: then it must be written anew before it can be appended to again
function Journal:append(text)
    if not self.file or self.mustBeRewritten then return nil, "the journal must be written anew" end
    local ok, problem = self.file:write(text)
    if ok then ok, problem = self.file:flush() end
    if not ok then
        self.mustBeRewritten = true -- half a line may be on the disk
        return nil, tostring(problem)
    end
    self.size = self.size + #text
    return true
end

local function write(path, text)
    local file, problem = io.open(path, "wb")
    if not file then return nil, problem end
    local ok
    ok, problem = file:write(text)
    if ok then ok, problem = file:flush() end
    local closed, closeProblem = file:close()
    if ok and closed then return true end
    return nil, problem or closeProblem
end

--- Write it anew, with what is not done, and forget what was before.
-- @param text string, the lines of the events
-- @param nextNumber the number that the next event will have
-- @param offered the last number that the server may have seen
-- @return true, or nil and what is wrong; then what was before is still there
function Journal:rewrite(text, nextNumber, offered)
    local older = self.number
    local whole = text .. JournalLine.complete(nextNumber, offered)
    local ok, problem = write(self:path(older + 1), whole)
    if not ok then
        LrFileUtils.delete(self:path(older + 1))
        return nil, tostring(problem)
    end
    self:close() -- Windows deletes no open file
    self.number = older + 1
    self.mustBeRewritten = not self:resume()
    for _, number in ipairs(fileNumbers(self.folder)) do
        if number < self.number then LrFileUtils.delete(self:path(number)) end
    end
    return true
end

--- Give the file back to the system; what was appended stays.
function Journal:close()
    if self.file then self.file:close() end
    self.file = nil
end

return Journal
