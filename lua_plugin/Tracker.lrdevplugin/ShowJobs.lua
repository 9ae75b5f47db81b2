-- Lightroom runs this for File > Plug-in Extras > Jobs.
require('JobsWindow').show()
