"""The Nth system call on the log's files fails, or is the last that the process makes."""
