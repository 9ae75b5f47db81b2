--- The plug-in's section in Lightroom's Plug-in Manager.

local LrDialogs = import 'LrDialogs'
local LrView = import 'LrView'
local Log = require 'Log'
local Settings = require 'Settings'
local SettingsForm = require 'SettingsForm'

local bind, share = LrView.bind, LrView.share

local function label(factory, title)
    return factory:static_text({ title = title, alignment = "right", width = share("jobreel_label") })
end

local function addressRow(factory)
    return factory:row({
        label(factory, "Server:"),
        factory:edit_field({
            value = bind("address"),
            width_in_chars = 36,
            immediate = true, -- on macOS, a click on the button does not take the focus from the field
            tooltip = "Where the tracker's server is, for example " .. Settings.DEFAULT_ADDRESS,
        }),
    })
end

local function tokenRow(factory)
    return factory:row({
        label(factory, "Token:"),
        factory:password_field({
            value = bind("token"),
            width_in_chars = 36,
            immediate = true,
            tooltip = "Empty, unless the server asks for one. It is kept in the system's key store.",
        }),
    })
end

local function testRow(factory, properties)
    return factory:row({
        label(factory, ""),
        factory:push_button({
            title = "Save and Test Connection",
            action = function()
                SettingsForm.test(properties)
            end,
        }),
    })
end

local function checkbox(factory, key, title)
    return factory:row({ label(factory, ""), factory:checkbox({ title = title, value = bind(key) }) })
end

local function section(factory, properties)
    return {
        title = "Jobreel Tracker",
        synopsis = bind({ key = "state", object = properties }),
        bind_to_object = properties,
        spacing = factory:control_spacing(),
        addressRow(factory),
        tokenRow(factory),
        testRow(factory, properties),
        factory:row({
            label(factory, ""),
            factory:static_text({ title = bind("state"), width_in_chars = 48, height_in_lines = 3 }),
        }),
        checkbox(factory, "progress", "Show the progress of active jobs in Lightroom"),
        checkbox(factory, "log", "Write a log (jobreel.log in Lightroom's log folder)"),
    }
end

return {
    startDialog = function(properties)
        SettingsForm.load(properties)
    end,
    sectionsForTopOfDialog = function(factory, properties)
        return { section(factory, properties) }
    end,
    endDialog = function(properties)
        local ok, problem = SettingsForm.keep(properties)
        if ok then return end
        Log.warn("The settings were not kept: " .. problem)
        LrDialogs.message("Jobreel Tracker: the settings were not kept", "What is wrong: " .. problem .. ".", "warning")
    end,
}
