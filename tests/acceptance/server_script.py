"""A server in a process of its own: ``python -c SERVER URL`` prints its port, and ends with its input."""

from __future__ import annotations

SERVER = """
import sys
from api.websocket_server import WebSocketServer
from tracker.progress_reporter import ProgressReporter
server = WebSocketServer(port=0)
reporter = ProgressReporter(server, database_url=sys.argv[1])
print(server.port, flush=True)
sys.stdin.read()
"""
