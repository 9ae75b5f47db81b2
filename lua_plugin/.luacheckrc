-- What Lightroom's Lua has: that of 5.1 less what its sandbox takes away, and the SDK's own globals.
std = "lightroom"
max_line_length = 120
self = false

stds.lightroom = {
    read_globals = { "import", "LOC", "_PLUGIN", "WIN_ENV", "MAC_ENV" },
    globals = { "_G" },
}

local absent = {}
for _, name in ipairs({
    "collectgarbage", "gcinfo", "getfenv", "module", "newproxy", "package", "print", "setfenv", "xpcall",
    "arg", "dofile", "load", "loadfile", "loadstring", "_VERSION",
}) do
    absent[name] = true
end
for name, fields in pairs(stds.lua51.read_globals) do
    if not absent[name] then stds.lightroom.read_globals[name] = fields end
end
stds.lightroom.read_globals.os = { fields = { "clock", "date", "time", "tmpname" } }
stds.lightroom.read_globals.coroutine = { fields = { "canYield", "running" } }
stds.lightroom.read_globals.debug = nil

-- Not ours, and kept as it came.
files["**/dkjson.lua"] = { ignore = { "." } }
-- The manifest is read in a smaller world.
files["**/Info.lua"] = { std = "lightroom_manifest" }
stds.lightroom_manifest = { read_globals = { "LOC", "WIN_ENV", "MAC_ENV", "_VERSION", string = stds.lua51.read_globals.string } }
