"""A reporter that records every call, and is as strict as the real one."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Call:
    method: str
    job_id: str
    content: dict[str, Any]


@dataclass
class RecordingReporter:
    """Refuses what the tracker would refuse: unknown or finished jobs, text and values that are no JSON."""

    calls: list[Call] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _running: set[str] = field(default_factory=set)

    def start_job(self, job_id: str, photo_id: int, photo_info: dict[str, Any]) -> None:
        assert 0 < len(job_id) <= 200
        assert job_id.isprintable()
        with self._lock:
            assert job_id not in {call.job_id for call in self.calls}
            self._running.add(job_id)
        self._record("start_job", job_id, photo_id=photo_id, photo_info=photo_info)

    def update_progress(
        self, job_id: str, stage: str, progress: float, message: str = "", details: dict[str, Any] | None = None
    ) -> None:
        assert 0 <= progress <= 100
        self._record("update_progress", job_id, stage=stage, progress=progress, message=message, details=details)

    def complete_stage(self, job_id: str, stage: str, result: dict[str, Any] | None = None) -> None:
        self._record("complete_stage", job_id, stage=stage, result=result)

    def send_photo_info(self, job_id: str, photo_data: dict[str, Any]) -> None:
        self._record("send_photo_info", job_id, photo_data=photo_data)

    def report_error(
        self,
        job_id: str,
        error_type: str,
        error_message: str,
        error_details: dict[str, Any] | None = None,
        stage: str | None = None,
    ) -> None:
        self._record(
            "report_error",
            job_id,
            error_type=error_type,
            error_message=error_message,
            error_details=error_details,
            stage=stage,
        )

    def complete_job(self, job_id: str, success: bool = True, result: dict[str, Any] | None = None) -> None:
        self._record("complete_job", job_id, success=success, result=result)
        with self._lock:
            self._running.remove(job_id)

    def of(self, job_id: str, method: str) -> list[dict[str, Any]]:
        return [call.content for call in self.calls if call.job_id == job_id and call.method == method]

    @property
    def unfinished(self) -> set[str]:
        return self._running

    def _record(self, method: str, job_id: str, **content: Any) -> None:
        text = json.dumps(content, allow_nan=False, ensure_ascii=False)
        text.encode("utf-8")
        assert "\\u0000" not in text
        with self._lock:
            assert job_id in self._running, f"{method} for a job that is not running"
            # As a real log does: what is changed later does not change what was said.
            self.calls.append(Call(method, job_id, json.loads(text)))
