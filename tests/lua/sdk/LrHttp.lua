--- See Namespace LrHttp of the SDK. Who answers is the world's: a server in Lua, or one behind a socket.

local function check(condition, text)
    if not condition then error("LrHttp: " .. text, 4) end
end

local function checkHeaders(headers)
    check(headers == nil or type(headers) == "table", "headers must be a table")
    local count = 0
    for _ in pairs(headers or {}) do
        count = count + 1
    end
    check(count == #(headers or {}), "headers must be a list")
    for _, header in ipairs(headers or {}) do
        check(type(header) == "table" and type(header.field) == "string", "a header must be {field=…, value=…}")
        check(type(header.value) == "string" or type(header.value) == "number", "a header's value must be a string")
        check(not tostring(header.value):find("[\r\n]"), "a header's value must be one line")
    end
end

-- The headers that go out: Lightroom adds a Content-Type where there is none.
local function sentHeaders(headers)
    local sent, hasType = {}, false
    for _, header in ipairs(headers or {}) do
        if header.field:lower() == "content-type" then hasType = true end
        if header.value ~= "skip" then table.insert(sent, { field = header.field, value = tostring(header.value) }) end
    end
    if not hasType then table.insert(sent, { field = "Content-Type", value = "text/plain" }) end
    return sent
end

return function(world)
    local LrHttp = {}

    local function ask(method, url, body, headers, timeout)
        check(world.scheduler:isInTask(), "may be called in a task only")
        check(type(url) == "string" and url:find("^https?://"), "url must be an address")
        checkHeaders(headers)
        -- Lightroom sends nothing, and says nothing, for a string here.
        check(timeout == nil or type(timeout) == "number", "timeout must be a number")
        return world:answer({
            method = method,
            url = url,
            body = body,
            headers = sentHeaders(headers),
            timeout = timeout or 60,
        })
    end

    function LrHttp.get(url, headers, timeout, ...)
        check(select("#", ...) == 0, "get takes three arguments")
        return ask("GET", url, nil, headers, timeout)
    end

    function LrHttp.post(url, body, headers, method, timeout, size, ...)
        check(select("#", ...) == 0, "post takes six arguments")
        check(type(body) == "string", "the body must be a string")
        check(method == nil or type(method) == "string", "method must be a string")
        check(size == nil, "the size is for a body that is a function")
        return ask(method or "POST", url, body, headers, timeout)
    end

    return LrHttp
end
