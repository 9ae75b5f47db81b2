--- The world that Lightroom shows a plug-in: less than Lua 5.1 has, and strict.

local Sandbox = {}

local KEPT = {
    "assert", "error", "getmetatable", "ipairs", "next", "pairs", "pcall", "rawequal", "rawget", "rawset", "select",
    "setmetatable", "tonumber", "tostring", "type", "unpack",
}

local function copy(library)
    local fields = {}
    for name, value in pairs(library) do
        fields[name] = value
    end
    return fields
end

local function refuse(_, name)
    error("there is no global " .. tostring(name) .. " in Lightroom", 2)
end

--- The globals of a plug-in. They outlive its reloads.
-- @param open function like io.open
function Sandbox.globals(open)
    local globals = {}
    for _, name in ipairs(KEPT) do
        globals[name] = _G[name]
    end
    globals.string, globals.table, globals.math = copy(string), copy(table), copy(math)
    globals.os = { clock = os.clock, date = os.date, time = os.time, tmpname = os.tmpname }
    globals.coroutine = { running = coroutine.running }
    globals.io = { open = open }
    globals._G = globals
    return setmetatable(globals, { __index = refuse, __newindex = refuse })
end

--- Load a plug-in: a fresh `require` for its folder, the same globals.
-- @param globals table of Sandbox.globals
-- @param folder path of the plug-in
-- @param import function that gives the SDK's namespaces
-- @return `require`; and a function that runs Lua text as a file of the plug-in
function Sandbox.load(globals, folder, import)
    local loaded, environment = {}, {}
    local function run(chunk)
        return setfenv(chunk, environment)()
    end
    local function require(name)
        if type(name) ~= "string" or name:find("[/\\%.]") then error("only files of the folder can be required", 2) end
        if loaded[name] == nil then
            local chunk, problem = loadfile(folder .. "/" .. name .. ".lua")
            if not chunk then error(problem, 2) end
            local module = run(chunk)
            loaded[name] = module == nil and true or module
        end
        return loaded[name]
    end
    environment.require, environment.import = require, import
    environment.LOC = function(text)
        return (text:gsub("^%$%$%$/[^=]*=", ""))
    end
    environment._PLUGIN = { id = "com.jobreel.tracker", path = folder }
    setmetatable(environment, { __index = globals, __newindex = globals })
    return require, function(text, name)
        return run(assert(loadstring(text, name)))
    end
end

return Sandbox
