--- See Class LrView of the SDK: views are tables that say what they are.

local CONTROLS = {
    "row", "column", "group_box", "static_text", "edit_field", "password_field", "push_button", "checkbox", "spacer",
    "separator", "scrolled_view", "simple_list", "picture", "popup_menu", "radio_button", "view",
}

return function()
    local LrView = {}
    local factory = {}
    for _, control in ipairs(CONTROLS) do
        factory[control] = function(self, arguments)
            assert(self == factory, "LrView: " .. control .. " is called with a colon")
            assert(arguments == nil or type(arguments) == "table", "LrView: " .. control .. " takes a table")
            local isLayout = control == "row" or control == "column" or control == "spacer"
            assert(not (isLayout and arguments and arguments.visible ~= nil), "LrView: a " .. control .. " has no visible")
            return { control = control, arguments = arguments or {} }
        end
    end
    for _, spacing in ipairs({ "control_spacing", "dialog_spacing", "label_spacing" }) do
        factory[spacing] = function(self)
            assert(self == factory, "LrView: " .. spacing .. " is called with a colon")
            return 8
        end
    end
    setmetatable(factory, {
        __index = function(_, control)
            error("LrView has no control " .. tostring(control), 2)
        end,
    })

    function LrView.osFactory()
        return factory
    end

    function LrView.bind(key)
        assert(type(key) == "string" or type(key) == "table", "LrView.bind: a key or a table")
        return { bound = key }
    end

    function LrView.share(name)
        assert(type(name) == "string", "LrView.share: a name")
        return { shared = name }
    end

    return LrView
end
