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

    local function present(caller)
        return function(arguments)
            assert(type(arguments) == "table" and type(arguments.title) == "string", caller .. ": title must be a string")
            assert(type(arguments.contents) == "table", caller .. ": contents must be a view")
            world.presented = arguments
            return show(caller, arguments.title)
        end
    end

    LrDialogs.presentModalDialog = present("presentModalDialog")

    function LrDialogs.presentFloatingDialog(plugin, arguments)
        assert(type(plugin) == "table" and plugin.path, "LrDialogs.presentFloatingDialog: the first argument is _PLUGIN")
        present("presentFloatingDialog")(arguments)
    end

    return LrDialogs
end
