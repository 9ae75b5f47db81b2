-- What Lightroom reads of the plug-in before it runs any of it.
return {
    LrSdkVersion = 10.0,
    LrSdkMinimumVersion = 6.0, -- the first with floating windows

    LrToolkitIdentifier = "com.jobreel.tracker",
    LrPluginName = "Jobreel Tracker",
    LrPluginInfoProvider = "PluginInfoProvider.lua",

    LrInitPlugin = "PluginInit.lua",
    LrForceInitPlugin = true, -- with Lightroom, not first when the menu is used

    LrExportMenuItems = { { title = "Jobs", file = "ShowJobs.lua" } }, -- File > Plug-in Extras
    LrLibraryMenuItems = { { title = "Jobs", file = "ShowJobs.lua" } }, -- Library > Plug-in Extras

    VERSION = { major = 0, minor = 1, revision = 0 },
}
