-- Lightroom runs this when it loads the plug-in: at its start, and after "Reload Plug-in".
require('Watch').current()
