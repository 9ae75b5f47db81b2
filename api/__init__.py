"""The tracker's server: HTTP, WebSocket and the command line."""
