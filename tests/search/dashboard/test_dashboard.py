"""The dashboard: by HTTP, and in a real browser."""

from __future__ import annotations

import json
import re
import shutil
import time
from urllib.request import urlopen

import pytest

from tests.support.figures import is_drawn


@pytest.fixture
def served(start, write, snnsearch, real_images):
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


@pytest.mark.slow
def test_the_best_trial_carries_images_and_a_note(served, start, folder):
    url, number = served
    (trial,) = [trial for trial in details(url)["trials"] if trial["number"] == number]
    names = {file["filename"] for file in trial["artifacts"]}
    assert names == {"learning_curve.png", "raster.png", "weights.png"}
    note = trial["note"]["body"]
    assert "| test_accuracy |" in note and "| x |" in note and "| spikes |" in note
    assert f"snnsearch replay {folder / 'bowl.py'} {number}" in note and all(name in note for name in names)
    base, _, study = url.rpartition("/dashboard/studies/")
    for file in trial["artifacts"]:
        with urlopen(f"{base}/artifacts/{study}/{trial['trial_id']}/{file['artifact_id']}") as image:
            assert is_drawn(image.read())
    port = base.rpartition(":")[2]
    second = start("dashboard", folder / "bowl.py", "--port", port, "--no-browser")  # the port is taken
    _, err = second.communicate(timeout=60)
    assert second.returncode == 2 and f"127.0.0.1:{port}" in err and len(err.splitlines()) == 1


def test_the_best_so_far_are_drawn_without_the_test_part(write, snnsearch, folder):
    from search.commands.dashboard import draw_best
    from search.driver.driver import Driver
    from search.driver.progress import Lines
    from search.execution.local import ByBackend, local_executor
    from search.spec.script import Script
    from search.start.opening import begin
    from search.study import load_study

    script = write(task=f"log={str(folder / 'log')!r}")
    study = load_study(Script.read(script))
    plan = study.plan(Script.read(script))
    opened = begin(plan, print)
    executor = local_executor(plan.task, 1)
    Driver(plan, opened, executor, Lines(plan.objectives)).search(4)
    executor.stop()
    draw_best(plan, opened, ByBackend(plan.task))
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
    more = ("disable-component-update", "disable-sync", "window-size=1600,1200")
    for flag in (*flags.split(), *more, f"user-data-dir={tmp_path / 'profile'}"):
        options.add_argument(f"--{flag}")
    driver = Chrome(options=options, service=Service(programs[1]))
    yield driver
    driver.quit()


@pytest.mark.slow
@pytest.mark.browser
def test_clicking_through_to_a_trial_shows_its_images_and_its_note(served, browser):
    """From the list of studies to the study, to its trials, to the best of them."""
    from selenium.common.exceptions import WebDriverException

    url, number = served

    def wait_for(script: str) -> None:
        end = time.monotonic() + 60
        while not browser.execute_script(f"return {script}"):
            assert time.monotonic() < end, browser.page_source[:2000]
            time.sleep(0.1)

    def click(selector: str, text: str = "") -> None:
        """The first element that is there, visible, and holds a line like that; as a mouse does it."""
        end = time.monotonic() + 60
        while True:
            try:
                for element in browser.find_elements("css selector", selector):
                    if element.is_displayed() and re.search(f"^{text}$" if text else "", element.text, re.MULTILINE):
                        return element.click()
            except WebDriverException:  # drawn anew between looking and clicking
                pass
            assert time.monotonic() < end, f"nothing to click at {selector} {text}: {browser.page_source[:2000]}"
            time.sleep(0.1)

    browser.get(url.rpartition("/studies/")[0])
    click("a[href*='/studies/']", r"0\. bowl")
    wait_for("document.body.innerText.includes('bowl') && location.pathname.includes('/studies/')")
    click("a[href$='/trials']")
    click("[role=button]", f"Trial {number}")
    wait_for(f"location.search.includes('numbers={number}')")
    shown = "[...document.images].filter(image => image.src.includes('/artifacts/') && image.naturalWidth > 100)"
    wait_for(f"new Set({shown}.map(image => image.src)).size >= 3")  # learning curve, spikes, weights
    for part in ("Parameters", "Objectives", "Scores and costs", "test_accuracy", f"bowl.py {number}"):
        wait_for(f"document.body.innerText.includes({json.dumps(part)})")
    cells = "[...document.querySelectorAll('td')].map(cell => cell.innerText)"
    wait_for(f"{cells}.includes('accuracy') && {cells}.includes('spikes') && {cells}.includes('x')")
