--- Runs one file of specs: `lua5.1 spec.lua FILE --list`, or `lua5.1 spec.lua FILE NAME…` for those (all, without).
--
-- A file calls `it(name, function)`. Each prints "ok NAME" or "not ok NAME" and why; the exit status says if all were ok.

local here = arg[0]:match("^(.*)spec%.lua$") or ""
package.path = here .. "?.lua;" .. package.path

local lfs = require 'lfs'

local names, specs = {}, {}

function it(name, run)
    assert(not specs[name], "two specs are called " .. name)
    table.insert(names, name)
    specs[name] = run
end

local folders = 0

--- A new, empty folder.
function newFolder()
    local base = os.getenv("SPEC_FOLDER") or os.tmpname() .. ".specs"
    lfs.mkdir(base)
    folders = folders + 1
    local path = string.format("%s/%d", base, folders)
    assert(lfs.mkdir(path))
    return path
end

local function show(value, depth)
    if type(value) == "string" then return string.format("%q", value) end
    if type(value) ~= "table" or depth > 4 then return tostring(value) end
    local parts, keys = {}, {}
    for key in pairs(value) do
        table.insert(keys, key)
    end
    table.sort(keys, function(one, other)
        return tostring(one) < tostring(other)
    end)
    for _, key in ipairs(keys) do
        table.insert(parts, tostring(key) .. "=" .. show(value[key], depth + 1))
    end
    return "{" .. table.concat(parts, ", ") .. "}"
end

local function same(one, other)
    if type(one) ~= "table" or type(other) ~= "table" then return one == other end
    for key, value in pairs(one) do
        if not same(value, other[key]) then return false end
    end
    for key in pairs(other) do
        if one[key] == nil then return false end
    end
    return true
end

--- Fail unless two values are the same, tables by what is in them.
function expect(actual, expected, what)
    if not same(actual, expected) then
        local text = (what and what .. ": " or "") .. "expected " .. show(expected, 0) .. ", got " .. show(actual, 0)
        error(text, 2)
    end
end

--- Fail unless a text has a plain part.
function expectPart(text, part)
    if type(text) ~= "string" or not text:find(part, 1, true) then
        error("expected " .. show(part, 0) .. " in " .. show(text, 0), 2)
    end
end

assert(loadfile(arg[1]))()

if arg[2] == "--list" then
    print(table.concat(names, "\n"))
    os.exit(0)
end

local wanted = { select(2, ...) }
local failed = false
for _, name in ipairs(#wanted > 0 and wanted or names) do
    local ok, problem = xpcall(specs[name], function(problem)
        return debug.traceback(type(problem) == "table" and show(problem, 0) or tostring(problem), 2)
    end)
    failed = failed or not ok
    print((ok and "ok " or "not ok ") .. name .. (ok and "" or "\n" .. problem))
end
os.exit(failed and 1 or 0)
