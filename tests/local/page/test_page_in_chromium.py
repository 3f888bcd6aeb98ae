"""The page in a real browser."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.local.page.conftest import Stand

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), "")

pytestmark = pytest.mark.skipif(not CHROMIUM, reason="the page is looked at in Chromium: install chromium")


def dom(url: str, profile: Path) -> str:
    """The document after the page's script has run for a while."""
    shown = subprocess.run(
        [
            *(CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"),
            *(f"--user-data-dir={profile}", "--virtual-time-budget=3000", "--dump-dom", url),
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return shown.stdout


WATCHER = """<!doctype html>
<iframe id="page" src="/_quire/"></iframe><pre id="said"></pre>
<script>
const page = document.getElementById("page");
const all = (what) => [...page.contentDocument.querySelectorAll(what)];
const row = (id) => all("tr.request").find((each) => each.cells[0].textContent === id);
const until = async (holds) => { while (!holds()) await new Promise((go) => setTimeout(go, 20)); };
(async () => {
  await until(() => page.contentDocument && row("held"));
  const held = row("held"), kill = all("button").find((each) => each.textContent === "kill");
  const selection = page.contentWindow.getSelection();
  selection.selectAllChildren(held.cells[0]);
  const age = held.cells[2].textContent;
  const headers = {"X-Amzn-SageMaker-Inference-Id": "newcomer", "Content-Type": "text/plain"};
  await fetch("/endpoints/stub/async-invocations", {method: "POST", body: "words", headers});
  await until(() => row("newcomer") && row("newcomer").textContent.includes("completed"));
  await until(() => row("held").cells[2].textContent !== age);
  const order = all("tr.request").map((each) => each.cells[0].textContent);
  document.getElementById("said").textContent = [
    `selected: ${selection}`, `row is ${held === row("held") && held.isConnected ? "kept" : "new"}`,
    `button is ${kill.isConnected ? "kept" : "new"}`, `order: ${order.slice(0, 2)}`].join("; ");
})();
</script>"""


def test_page_leaves_alone_what_does_not_change(stand: Stand, tmp_path: Path) -> None:
    """What is selected, and what a finger is on, while requests come and their ages grow."""
    stand.invoke("held")
    stand.ended("held")
    place = stand.made.input.beneath("watcher.html")
    stand.client("s3").put_object(
        Bucket=place.bucket, Key=place.key, Body=WATCHER.encode(), ContentType="text/html"
    )
    shown = dom(f"{stand.local.url}/{place.bucket}/{place.key}", tmp_path)
    said = re.search(r'<pre id="said">(.*?)</pre>', shown)
    assert said, shown
    assert said[1] == "selected: held; row is kept; button is kept; order: newcomer,held"


def test_page_shows_what_goes_on(stand: Stand, tmp_path: Path) -> None:
    line = '{"inference_id":"long","pages_done":3,"pages_total":12}'
    stand.invoke("long", f"seconds=30;says={line}")
    stand.runs("long")
    stand.invoke("wrong", "status=500")
    stand.invoke("<img src=x onerror=alert(1)>")
    for name in ("wrong", "<img src=x onerror=alert(1)>"):
        stand.ended(name)
    stand.admin.post("/faults", {"kind": "slow-upload", "seconds": 7})
    shown = dom(f"{stand.local.url}/_quire/", tmp_path)
    text = " ".join(re.sub(r"<(style|script)\b.*?</\1>|<[^>]+>", " ", shown, flags=re.DOTALL).split())
    assert "stub InService ml.g5.xlarge 0 waiting 1 in flight 1 of 1 instances in service" in text
    assert text.count("3 of 12 pages") == 2, "beside the instance and beside the request"
    assert "model-error" in text
    assert "completed" in text
    assert "slow-upload every 1 any 7 end" in text
    assert "in-flight-fate=lost" in text
    assert "&lt;img src=x onerror=alert(1)&gt;" in shown
    assert "<img" not in shown, "what others named is text, never HTML"
    assert re.findall(r'class="going"[^>]*title="model: ', shown) or re.findall(
        r'title="model: [^"]*"[^>]*class="going"', shown
    )
    stand.admin.delete("/faults")


def test_page_says_why_of_the_request_in_its_address(stand: Stand, tmp_path: Path) -> None:
    stand.invoke("a/b <i>", "status=503")
    stand.ended("a/b <i>")
    shown = dom(f"{stand.local.url}/_quire/#why=a%2Fb%20%3Ci%3E", tmp_path)
    said = re.search(r'<dialog id="why" open="".*?</dialog>', shown, re.DOTALL)
    assert said, shown
    assert ">a/b &lt;i&gt;<" in said[0]
    assert "The container refused the work as busy or not ready (503, 429)." in said[0]
    assert "What happened" in said[0]
