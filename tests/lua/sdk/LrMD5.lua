--- See Namespace LrMD5 of the SDK: RFC 1321, with the arithmetic that Lua 5.1 has.

local function bits(value)
    local list = {}
    for index = 1, 32 do
        list[index] = value % 2
        value = (value - list[index]) / 2
    end
    return list
end

local function combine(one, other, call)
    local a, b, result = bits(one), bits(other), 0
    for index = 32, 1, -1 do
        result = result * 2 + call(a[index], b[index])
    end
    return result
end

local function both(a, b)
    return a * b
end
local function either(a, b)
    return math.max(a, b)
end
local function differ(a, b)
    return (a + b) % 2
end

local function inverse(value)
    return 2 ^ 32 - 1 - value
end

local function rotated(value, count)
    local low = value % 2 ^ (32 - count)
    return low * 2 ^ count + (value - low) / 2 ^ (32 - count)
end

local SHIFTS = { { 7, 12, 17, 22 }, { 5, 9, 14, 20 }, { 4, 11, 16, 23 }, { 6, 10, 15, 21 } }

local function mixed(step, b, c, d)
    if step < 16 then
        return combine(combine(b, c, both), combine(inverse(b), d, both), either), step
    elseif step < 32 then
        return combine(combine(d, b, both), combine(inverse(d), c, both), either), (5 * step + 1) % 16
    elseif step < 48 then
        return combine(combine(b, c, differ), d, differ), (3 * step + 5) % 16
    end
    return combine(c, combine(b, inverse(d), either), differ), (7 * step) % 16
end

local function word(text, at)
    local a, b, c, d = text:byte(at, at + 3)
    return a + b * 2 ^ 8 + c * 2 ^ 16 + d * 2 ^ 24
end

local function padded(text)
    local length = #text * 8
    text = text .. "\128" .. ("\0"):rep((55 - #text) % 64)
    for _ = 1, 8 do
        text = text .. string.char(length % 256)
        length = math.floor(length / 256)
    end
    return text
end

local function digest(text)
    assert(type(text) == "string", "LrMD5.digest: a string")
    local state = { 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476 }
    text = padded(text)
    for block = 1, #text, 64 do
        local a, b, c, d = unpack(state)
        for step = 0, 63 do
            local f, place = mixed(step, b, c, d)
            local constant = math.floor(math.abs(math.sin(step + 1)) * 2 ^ 32)
            local sum = (a + f + constant + word(text, block + place * 4)) % 2 ^ 32
            local shift = SHIFTS[math.floor(step / 16) + 1][step % 4 + 1]
            a, d, c, b = d, c, b, (b + rotated(sum, shift)) % 2 ^ 32
        end
        for index, value in ipairs({ a, b, c, d }) do
            state[index] = (state[index] + value) % 2 ^ 32
        end
    end
    local hex = ""
    for _, value in ipairs(state) do
        for _ = 1, 4 do
            hex = hex .. string.format("%02x", value % 256)
            value = math.floor(value / 256)
        end
    end
    return hex
end

return function()
    return { digest = digest }
end
