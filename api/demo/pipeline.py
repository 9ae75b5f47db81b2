"""From a photo to its developed copy, in eight reported stages."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

from api.demo import stages
from api.demo.context import Context, detect_context
from api.demo.errors import PhotoProblem
from api.demo.evaluation import Evaluation, evaluate
from api.demo.export import write_jpeg
from api.demo.picture import Picture, decode
from api.demo.presets import Preset, apply_preset, select_preset
from api.demo.quality import QualityCheck, check_quality
from api.demo.report import PhotoResult
from api.demo.source import read_source
from api.demo.text import as_printable, as_unicode

if TYPE_CHECKING:
    from api.demo.job import Telling
    from api.demo.pillow import Image

logger = logging.getLogger(__name__)


def develop(telling: Telling) -> PhotoResult:
    """Run one job to its end, good or bad. Never raises an ``Exception``: it becomes the job's failure."""
    started = time.monotonic()
    try:
        telling.start()
        found = _run(telling)
    except PhotoProblem as problem:
        found = _failed(telling, problem)
    except Exception as error:
        logger.exception("Job %s failed in a way nobody foresaw", telling.job.job_id)
        reason = as_printable(f"{type(error).__name__}: {error}")
        found = _failed(telling, PhotoProblem("unexpected_error", f"Unexpected error: {reason}"))
    seconds = round(time.monotonic() - started, 3)
    return PhotoResult(job_id=telling.job.job_id, name=telling.job.name, seconds=seconds, **found)


def _failed(telling: Telling, problem: PhotoProblem) -> dict[str, Any]:
    telling.fail(problem)
    return {"ok": False, "error": as_printable(str(problem), 300), "error_type": problem.error_type}


def _run(telling: Telling) -> dict[str, Any]:
    picture = _import(telling)
    _analyse_exif(telling, picture)
    measured = _evaluate(telling, picture)
    context = _detect_context(telling, picture, measured)
    _send_photo_info(telling, picture, measured, context)
    preset = _select_preset(telling, context, measured)
    developed = _apply_preset(telling, picture, preset)
    check = _check_quality(telling, measured, developed)
    _export(telling, picture, developed)
    telling.succeed(_result(telling, preset, check))
    return {
        "ok": True,
        "preset": preset.name,
        "context": context.name,
        "score": measured.score,
        "quality_passed": check.passed,
        "output": telling.job.target,
    }


def _import(telling: Telling) -> Picture:
    def on_read(done: int, size: int) -> None:
        telling.step(0.6 * done / size, f"Read {_kib(done)} of {_kib(size)} KiB")

    with telling.stage(stages.IMPORTING, f"Opening {as_printable(telling.job.name, 80)}") as result:
        source = read_source(telling.job.photo, on_read)
        telling.step(0.6, "Decoding the pixels")
        picture = decode(source.data)
        result |= {"file_size": len(source.data), "sha256": source.sha256}
        result |= {"format": picture.format, "width": picture.width, "height": picture.height}
    return picture


def _analyse_exif(telling: Telling, picture: Picture) -> None:
    with telling.stage(stages.EXIF_ANALYSIS, "Reading the camera settings") as result:
        result |= picture.exif.as_json()
        telling.step(1.0, picture.exif.summary, picture.exif.as_json())


def _evaluate(telling: Telling, picture: Picture) -> Evaluation:
    with telling.stage(stages.AI_EVALUATION, "Measuring sharpness and exposure") as result:
        measured = evaluate(picture.image)
        result |= measured.as_json()
        telling.step(1.0, measured.summary)
    return measured


def _detect_context(telling: Telling, picture: Picture, measured: Evaluation) -> Context:
    with telling.stage(stages.CONTEXT_DETECTION, "Comparing settings and measurements") as result:
        context = detect_context(picture.exif, measured)
        result |= {"context": context.name, "reason": context.reason}
        telling.step(1.0, f"{context.name}: {context.reason}")
    return context


def _send_photo_info(telling: Telling, picture: Picture, measured: Evaluation, context: Context) -> None:
    telling.send_photo_info(
        {"exif": picture.exif.as_json(), "ai_evaluation": measured.as_json(), "context": context.name}
    )


def _select_preset(telling: Telling, context: Context, measured: Evaluation) -> Preset:
    with telling.stage(stages.PRESET_SELECTION, f"Looking up the preset for {context.name}") as result:
        preset = select_preset(context, measured)
        result |= preset.as_json()
        telling.step(1.0, preset.summary)
    return preset


def _apply_preset(telling: Telling, picture: Picture, preset: Preset) -> Image.Image:
    with telling.stage(stages.APPLYING_PRESET, f"Applying {preset.name}") as result:
        developed = apply_preset(picture.image, preset, lambda share: telling.step(share, f"Applying {preset.name}"))
        result |= {"preset": preset.name, "blend_amount": preset.blend_amount}
        result |= {"width": developed.width, "height": developed.height}
    return developed


def _check_quality(telling: Telling, before: Evaluation, developed: Image.Image) -> QualityCheck:
    with telling.stage(stages.QUALITY_CHECK, "Measuring the result") as result:
        check = check_quality(before, evaluate(developed))
        result |= check.as_json()
        telling.step(1.0, check.summary)
    return check


def _export(telling: Telling, picture: Picture, developed: Image.Image) -> None:
    target = telling.job.target
    with telling.stage(stages.EXPORTING, f"Writing {target.name}") as result:
        size = write_jpeg(developed, target, part_name=telling.job.job_id, icc_profile=picture.icc_profile)
        result |= {"output": as_unicode(str(target)), "file_size": size}
        telling.step(1.0, f"Wrote {_kib(size)} KiB")


def _result(telling: Telling, preset: Preset, check: QualityCheck) -> dict[str, Any]:
    return {
        "preset_applied": preset.name,
        "blend_amount": preset.blend_amount,
        "stages_completed": telling.stages_completed,
        "output": as_unicode(str(telling.job.target)),
        "quality_passed": check.passed,
        "score": check.before.score,
        "sharpness_before": check.before.sharpness,
        "sharpness_after": check.after.sharpness,
    }


def _kib(size: int) -> str:
    return f"{max(1, size // 1024)}"
