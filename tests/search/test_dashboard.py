"""The dashboard: by HTTP, and in a real browser."""

from __future__ import annotations

import json
import shutil
import time
from urllib.request import urlopen

import pytest


@pytest.fixture
def served(start, write, snnsearch):
    """A searched study in a dashboard: its address, and the number of its best trial."""
    script = write()
    state = json.loads(snnsearch("run", script, "--trials", 4, "--workers", 1, "--json").out)
    process = start("dashboard", script, "--port", 0, "--no-browser")
    line = process.stdout.readline()
    assert line.startswith("Study bowl: http://127.0.0.1:")
    return line.split()[-1], state["best"][0]["number"]


def details(url: str) -> dict:
    """What the dashboard's own interface says of the study."""
    with urlopen(url.replace("/dashboard/studies/", "/api/studies/")) as answer:
        return json.load(answer)


def test_the_best_trial_carries_images_and_a_note(served, start, folder):
    url, number = served
    (trial,) = [trial for trial in details(url)["trials"] if trial["number"] == number]
    assert {file["filename"] for file in trial["artifacts"]} == {"learning_curve.png", "raster.png"}
    assert "test_accuracy" in trial["note"]["body"]
    base, _, study = url.rpartition("/dashboard/studies/")
    for file in trial["artifacts"]:
        with urlopen(f"{base}/artifacts/{study}/{trial['trial_id']}/{file['artifact_id']}") as image:
            assert image.read(4) == b"\x89PNG"
    port = base.rpartition(":")[2]
    second = start("dashboard", folder / "bowl.py", "--port", port, "--no-browser")  # the port is taken
    _, err = second.communicate(timeout=20)
    assert second.returncode == 2 and f"127.0.0.1:{port}" in err and len(err.splitlines()) == 1


def test_the_best_so_far_are_drawn_without_the_test_part(start, write, snnsearch, folder):
    from search.begin import begin
    from search.commands.dashboard import _draw_best
    from search.driver import Driver
    from search.executor import local_executor
    from search.progress import Lines
    from search.script import Script, load_study

    script = write(task=f"log={str(folder / 'log')!r}")
    study = load_study(Script.read(script))
    plan = study.plan(Script.read(script))
    opened = begin(plan, print)
    executor = local_executor(plan.task, 1)
    Driver(plan, opened, executor, Lines(plan.objectives)).search(4)
    _draw_best(plan, opened, executor)
    executor.stop()
    drawn = [key for key in opened.user_attrs if key.startswith("images:")]
    assert drawn and not any(key.startswith("final:") for key in opened.user_attrs)
    assert "test" not in (folder / "log").read_text()
    ended = json.loads(snnsearch("run", script, "--trials", 4, "--json").out)  # now it is over
    assert all(best["attrs"]["test_accuracy"] is not None for best in ended["best"])


@pytest.fixture
def browser(tmp_path):
    """A headless Chromium with a profile of its own."""
    programs = [shutil.which("chromium"), shutil.which("chromedriver")]
    if None in programs:
        pytest.skip("needs Debian's chromium and chromium-driver")
    from selenium.webdriver import Chrome, ChromeOptions
    from selenium.webdriver.chrome.service import Service

    options = ChromeOptions()
    options.binary_location = programs[0]
    flags = "headless no-sandbox disable-gpu disable-quic no-first-run disable-background-networking"
    for flag in (*flags.split(), "disable-component-update", "disable-sync", f"user-data-dir={tmp_path / 'profile'}"):
        options.add_argument(f"--{flag}")
    driver = Chrome(options=options, service=Service(programs[1]))
    yield driver
    driver.quit()


@pytest.mark.browser
def test_a_browser_shows_the_study_and_the_images(served, browser):
    url, number = served

    def wait_for(script: str) -> None:
        end = time.monotonic() + 20
        while not browser.execute_script(f"return {script}"):
            assert time.monotonic() < end, browser.page_source[:2000]
            time.sleep(0.1)

    browser.get(url)
    wait_for("document.body.innerText.includes('bowl')")
    browser.get(f"{url}/trials?numbers={number}")
    wait_for(f"document.body.innerText.includes('Trial {number}')")
    shown = "[...document.images].filter(image => image.src.includes('/artifacts/') && image.naturalWidth > 100)"
    wait_for(f"{shown}.length >= 2")
