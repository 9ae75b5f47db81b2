"""jobreel: an event-sourced job tracker.

Every progress call appends one immutable event to a log. Job status, live streams and history are all read
from that log, so they agree with each other before and after a restart.

Start at :mod:`tracker.progress_reporter`. Importing it loads neither a database nor a web server.
"""

__version__ = "0.1.0"
