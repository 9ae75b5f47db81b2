local World = require 'world'

local function json()
    return World.new(newFolder()).require("Json")
end

local function encoded(value)
    return assert(json().encode(value))
end

it("writes an empty object as {} and an empty list as []", function()
    local Json = json()
    expect(Json.encode(Json.object()), "{}")
    expect(Json.encode({}), "[]")
    expect(Json.encode({ details = Json.object({}) }), '{"details":{}}')
end)

it("keeps what it read: objects and lists that are empty, nulls where they are asked for", function()
    local Json = json()
    for _, text in ipairs({ "{}", "[]", '{"a":{}}', '{"a":[]}', '[{},[]]', "[1,null,3]", '"x"', "true" }) do
        expect(Json.encode(Json.decode(text, Json.null)), text)
    end
end)

it("reads null as a field that is not there", function()
    expect(json().decode('{"photo_id":null,"a":1}'), { a = 1 })
end)

it("writes lists with holes as lists with nulls, and numbers far apart as an object", function()
    expect(encoded({ 1, nil, 3 }), "[1,null,3]")
    expect(encoded({ [1] = "a", [100] = "b" }):len(), #'{"1":"a","100":"b"}')
end)

it("takes a table with only a number called n for the object it is", function()
    expect(encoded({ n = 3 }), '{"n":3}')
    expect(encoded({ n = 0 }), '{"n":0}')
end)

it("writes every number exactly", function()
    local Json = json()
    local exact = { 0, 1, -5, 386, 0.1, 1 / 3, 123456789012345, 2 ^ 53 - 1, -(2 ^ 53 - 1), 1e300, 2 ^ 53 + 2, 1e-7, 15.5 }
    for _, number in ipairs(exact) do
        expect(Json.decode(Json.encode(number)), number)
    end
    expect(Json.encode(2 ^ 53 - 1), "9007199254740991")
    expect(Json.encode(1e14), "100000000000000")
    expectPart(Json.encode(2 ^ 53 + 2), "e+15")
    expect(Json.decode("-5"), -5)
end)

it("writes what is no number as null", function()
    expect(encoded({ 0 / 0, 1 / 0, -1 / 0 }), "[null,null,null]")
end)

it("replaces bytes that are not UTF-8, and NUL, and leaves the rest", function()
    local Json = json()
    local function cleaned(text)
        return Json.decode(Json.encode(text))
    end
    expect(cleaned("Jürgen \240\159\147\183"), "Jürgen \240\159\147\183")
    expect(cleaned("J\252rgen"), "J\239\191\189rgen")
    expect(cleaned("a\0b"), "a\239\191\189b")
    expect(cleaned({ ["k\255"] = 1 }), { ["k\239\191\189"] = 1 })
    for _, wrong in ipairs({ "\192\128", "\237\160\128", "\244\144\128\128", "\226\130", "\128", "\245\128\128\128" }) do
        expect(cleaned("a" .. wrong .. "b"), "a" .. ("\239\191\189"):rep(#wrong) .. "b")
    end
end)

it("keeps text that looks like a number a text", function()
    local Json = json()
    expect(Json.encode({ cursor = "0012.500@e" }), '{"cursor":"0012.500@e"}')
    expect(Json.decode('{"cursor":"12345678901234567890"}').cursor, "12345678901234567890")
end)

it("refuses what is no JSON value", function()
    local Json = json()
    local cycle = {}
    cycle.cycle = cycle
    for problem, value in pairs({
        ["a function is not"] = { a = function() end },
        ["a userdata is not"] = { io.stdout },
        ["must be strings"] = { [true] = 1 },
        ["32 levels"] = cycle,
    }) do
        local text, why = Json.encode(value)
        expect(text, nil)
        expectPart(why, problem)
    end
    local wide = {}
    for index = 1, 10001 do
        wide[index] = {}
    end
    expectPart(select(2, Json.encode(wide)), "tables")
end)

it("does not read text that is cut, goes on, or is none", function()
    local Json = json()
    local wrong = { "", " ", '{"a":1', '{"a"', "[1,", '"abc', "<html>", '{"a":1} <html>', "{} {}", ("["):rep(200000), "nul" }
    for _, text in ipairs(wrong) do
        local value, why = Json.decode(text)
        expect(value, nil, text:sub(1, 20))
        expect(type(why), "string")
    end
    expect(Json.decode(nil), nil)
end)

it("control: dkjson alone writes n as nulls, an empty object as a list, and large numbers with fewer digits", function()
    local dkjson = World.new(newFolder()).require("dkjson")
    expect(dkjson.encode({ n = 3 }), "[null,null,null]")
    expect(dkjson.encode({}), "[]")
    expect(dkjson.encode(2 ^ 53 - 1), "9.007199254741e+15")
end)
