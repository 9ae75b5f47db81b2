"""Reporting to a server from another process: the same calls, a spool on this machine's disk, delivery over HTTP."""
