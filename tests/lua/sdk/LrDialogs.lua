--- See Namespace LrDialogs of the SDK. Every dialog is noted in the world: in the background there must be none.

return function(world)
    local LrDialogs = {}

    local function checkTexts(caller, ...)
        for index = 1, select("#", ...) do
            local text = select(index, ...)
            assert(text == nil or type(text) == "string", caller .. ": texts are strings")
        end
    end

    local function show(kind, text)
        table.insert(world.dialogs, kind .. ": " .. tostring(text))
        return world.dialogAnswer or "ok"
    end

    function LrDialogs.message(message, info, style)
        assert(type(message) == "string", "LrDialogs.message: the message must be a string")
        checkTexts("LrDialogs.message", info, style)
        show("message", message)
    end

    function LrDialogs.showError(text)
        assert(type(text) == "string", "LrDialogs.showError: the text must be a string")
        show("error", text)
    end

    function LrDialogs.showBezel(text, seconds)
        assert(type(text) == "string", "LrDialogs.showBezel: the text must be a string")
        assert(seconds == nil or type(seconds) == "number", "LrDialogs.showBezel: seconds are a number")
        table.insert(world.bezels, text)
    end

    function LrDialogs.confirm(message, info, action, cancel, other)
        assert(type(message) == "string", "LrDialogs.confirm: the message must be a string")
        checkTexts("LrDialogs.confirm", info, action, cancel, other)
        return show("confirm", message)
    end

    local function check(caller, arguments)
        assert(type(arguments) == "table" and type(arguments.title) == "string", caller .. ": title must be a string")
        assert(type(arguments.contents) == "table", caller .. ": contents must be a view")
    end

    function LrDialogs.presentModalDialog(arguments)
        check("presentModalDialog", arguments)
        return show("presentModalDialog", arguments.title)
    end

    --- The open windows are the world's `windows`; the user closes one with `close`.
    function LrDialogs.presentFloatingDialog(plugin, arguments)
        assert(type(plugin) == "table" and plugin.path, "LrDialogs.presentFloatingDialog: the first argument is _PLUGIN")
        check("presentFloatingDialog", arguments)
        local window = { title = arguments.title, contents = arguments.contents, isOpen = true, fronts = 0 }
        function window.close()
            if window.isOpen and arguments.windowWillClose then arguments.windowWillClose() end
            window.isOpen = false
        end
        function window.toFront()
            window.fronts = window.fronts + 1
        end
        table.insert(world.windows, window)
        if arguments.onShow then arguments.onShow({ close = window.close, toFront = window.toFront }) end
        while arguments.blockTask and window.isOpen do
            world.scheduler:wait({ at = world.clock.now() + 0.1 }, "LrDialogs.presentFloatingDialog")
        end
    end

    return LrDialogs
end
