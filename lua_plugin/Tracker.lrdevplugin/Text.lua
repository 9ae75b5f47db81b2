--- Strings as the server takes them: UTF-8 without NUL.

local Text = {}

local REPLACEMENT = "\239\191\189" -- U+FFFD

-- The second byte of a sequence, by its first one (RFC 3629, section 4); any later byte is 0x80 to 0xBF.
local function secondByteRange(first)
    if first == 0xE0 then return 0xA0, 0xBF end
    if first == 0xED then return 0x80, 0x9F end
    if first == 0xF0 then return 0x90, 0xBF end
    if first == 0xF4 then return 0x80, 0x8F end
    return 0x80, 0xBF
end

local function lengthByFirstByte(first)
    if first >= 0xC2 and first <= 0xDF then return 2 end
    if first >= 0xE0 and first <= 0xEF then return 3 end
    if first >= 0xF0 and first <= 0xF4 then return 4 end
end

local function sequenceLength(text, at)
    local first, second = text:byte(at, at + 1)
    local length = lengthByFirstByte(first)
    if not length or not second then return nil end
    local low, high = secondByteRange(first)
    if second < low or second > high then return nil end
    for index = at + 2, at + length - 1 do
        local byte = text:byte(index)
        if not byte or byte < 0x80 or byte > 0xBF then return nil end
    end
    return length
end

--- The text with U+FFFD for each byte that is not UTF-8, and for NUL, which no database holds.
-- File names may have such bytes; a whole batch of events would be refused for one of them.
-- @param text string
-- @return string
function Text.clean(text)
    local at = text:find("[%z\128-\255]")
    if not at then return text end
    local parts, done = {}, 1
    while at do
        local length = sequenceLength(text, at)
        if length then
            at = at + length
        else
            parts[#parts + 1] = text:sub(done, at - 1)
            parts[#parts + 1] = REPLACEMENT
            at = at + 1
            done = at
        end
        at = text:find("[%z\128-\255]", at)
    end
    parts[#parts + 1] = text:sub(done)
    return table.concat(parts)
end

--- How many characters a UTF-8 text has.
-- @param text string
-- @return number
function Text.length(text)
    local _, continued = text:gsub("[\128-\191]", "")
    return #text - continued
end

--- A text in the form that addresses have: everything but letters, digits and `-._~` as `%XX`.
-- @param text string
-- @return string
function Text.urlEncoded(text)
    return (text:gsub("[^%w%-%._~]", function(byte)
        return string.format("%%%02X", byte:byte())
    end))
end

return Text
