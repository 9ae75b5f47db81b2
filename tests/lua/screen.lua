--- What a view shows, and what the user does to it.

local Screen = {}

local function resolve(value, properties)
    if type(value) ~= "table" or value.bound == nil then return value end
    if type(value.bound) == "table" then return (value.bound.object or properties)[value.bound.key] end
    assert(properties, "a bound value has no properties")
    return properties[value.bound]
end

local function childrenOf(view)
    return view.arguments or view
end

-- Calls `visit(control, arguments, properties)` for all that is visible.
local function walk(view, properties, visit)
    local arguments = childrenOf(view)
    properties = arguments.bind_to_object or properties
    if resolve(arguments.visible, properties) == false then return end
    if view.control then visit(view.control, arguments, properties) end
    for _, child in ipairs(arguments) do
        walk(child, properties, visit)
    end
end

--- Everything that can be read, from top to bottom.
function Screen.texts(view)
    local texts = {}
    walk(view, nil, function(_, arguments, properties)
        local text = resolve(arguments.title, properties)
        if text and text ~= "" then table.insert(texts, text) end
    end)
    return texts
end

--- Press the first button, or the one of a number, with a title.
function Screen.press(view, title, number)
    local found = 0
    walk(view, nil, function(control, arguments, properties)
        if control ~= "push_button" or resolve(arguments.title, properties) ~= title then return end
        found = found + 1
        if found == (number or 1) then arguments.action() end
    end)
    assert(found >= (number or 1), "there is no button " .. title)
end

local function field(view, key)
    local found
    walk(view, nil, function(control, arguments, properties)
        if type(arguments.value) == "table" and arguments.value.bound == key then
            found = { control = control, arguments = arguments, properties = properties }
        end
    end)
    return assert(found, "there is no field " .. key)
end

--- Type a value into the field that is bound to a key, or set its check mark. On macOS, what is typed into a field that
-- is not `immediate` is not there yet when a button is pressed.
function Screen.enter(view, key, value)
    local found = field(view, key)
    if found.control == "checkbox" or found.arguments.immediate then found.properties[key] = value end
end

--- The kind of control that is bound to a key.
function Screen.control(view, key)
    return field(view, key).control
end

return Screen
