"""The client library as a browser, a bundler and a person fetch it, from a checkout and from an installed wheel."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import api
from tests.api.clients import HttpClient

FOLDER = Path(api.__file__).parent / "dashboard"
ROOT = FOLDER.parent.parent
FILES = pytest.mark.parametrize(
    ("name", "content_type"),
    [
        ("jobreel.js", "text/javascript; charset=utf-8"),
        ("jobreel.d.ts", "text/plain; charset=utf-8"),
    ],
)


@FILES
async def test_the_files_are_served_as_they_are(http: HttpClient, name: str, content_type: str) -> None:
    answer = await http.get(f"/client/{name}")
    assert answer.status == 200
    assert answer.body == (FOLDER / name).read_text(encoding="utf-8")
    assert answer.headers["Content-Type"] == content_type
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@FILES
async def test_a_page_of_another_origin_may_import_them(http: HttpClient, name: str, content_type: str) -> None:
    assert (await http.get(f"/client/{name}")).headers["Access-Control-Allow-Origin"] == "*"


@FILES
async def test_a_browser_asks_each_time_and_is_sent_only_what_is_new(
    http: HttpClient, name: str, content_type: str
) -> None:
    first = await http.get(f"/client/{name}")
    assert first.headers["Cache-Control"] == "no-cache"
    tag = first.headers["Etag"]
    for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = await http.request("GET", f"/client/{name}", headers={"If-None-Match": known})
        assert (again.status, again.body) == (304, "")
        assert (again.headers["Etag"], again.headers["Cache-Control"]) == (tag, "no-cache")
    changed = await http.request("GET", f"/client/{name}", headers={"If-None-Match": '"other"'})
    assert (changed.status, changed.body) == (200, first.body)


@FILES
async def test_a_head_request_has_the_headers_alone(http: HttpClient, name: str, content_type: str) -> None:
    answer = await http.request("HEAD", f"/client/{name}")
    assert (answer.status, answer.body) == (200, "")
    assert answer.headers["Content-Length"] == str((FOLDER / name).stat().st_size)


@pytest.mark.parametrize("path", ["", "package.json", "jobreel.py", "..%2fapp.py", "%2e%2e/app.py"])
async def test_nothing_else_is_served(http: HttpClient, path: str) -> None:
    answer = await http.get(f"/client/{path}")
    assert (answer.status, answer.body["code"]) == (404, "not_found")


def test_an_installed_wheel_has_them(tmp_path: Path) -> None:
    # The build's own tools are those of the environment: nothing is fetched.
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path), str(ROOT)]
    built = subprocess.run(build, capture_output=True, text=True, timeout=60, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "installed")
    script = (
        "import api.client_routes as routes;"
        "print(routes.__file__, *[len(routes._content(name)[0]) for name in ('jobreel.js', 'jobreel.d.ts')])"
    )
    found = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path / "installed",
        env={"PYTHONPATH": str(tmp_path / "installed")},
        capture_output=True,
        text=True,
        check=True,
    )
    file, *sizes = found.stdout.split()
    assert Path(file).is_relative_to(tmp_path)
    assert sizes == [str((FOLDER / name).stat().st_size) for name in ("jobreel.js", "jobreel.d.ts")]
