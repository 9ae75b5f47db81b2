"""Clients that write until the server is gone, and note what it acknowledged."""

from __future__ import annotations

import json

import aiohttp
from websockets.asyncio.client import connect


async def write_over_http(port: int, job_id: str, acknowledged: set[int]) -> None:
    """One report after the other."""
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:
        path, body = "/progress/start", {"job_id": job_id}
        while True:
            async with session.post(path, json=body) as response:
                acknowledged.add((await response.json())["position"])
            path, body = "/progress/report", {"job_id": job_id, "stage": "importing", "progress": 5}  # type: ignore[dict-item]


async def write_over_websocket(port: int, job_id: str, acknowledged: set[int]) -> None:
    """Fifty reports at a time."""
    async with connect(f"ws://127.0.0.1:{port}/ws") as client:
        await client.send(json.dumps({"type": "job_started", "job_id": job_id}))
        progress = json.dumps({"type": "job_progress", "job_id": job_id, "stage": "importing", "progress": 5})
        for _ in range(50):
            await client.send(progress)
        async for text in client:
            message = json.loads(text)
            if message["type"] == "ack":
                acknowledged.add(message["position"])
                await client.send(progress)


async def write_while_polling(port: int, job_id: str, acknowledged: set[int]) -> None:
    """Reports of a client without a WebSocket, one after the other."""
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:
        async with session.post("/ws/handshake", json={"client_type": "test", "protocol_version": 1}) as response:
            client_id = (await response.json())["client_id"]
        message: dict[str, object] = {"type": "job_started", "job_id": job_id}
        while True:
            async with session.post("/ws/send", json={"client_id": client_id, "message": message}) as response:
                acknowledged.add((await response.json())["response"]["position"])
            message = {"type": "job_progress", "job_id": job_id, "stage": "importing", "progress": 5}
