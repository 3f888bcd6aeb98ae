"""Real processes in a storm of faults: every document is answered once, right or with a typed error.
`bench/faults.py` does the same with ten thousand."""

from __future__ import annotations

import json
import time
from pathlib import Path

from quire.engine.channel import Channel
from quire.engine.messages import FromEngine, Progress, Submit, ToEngine
from quire.words.request import DocumentRequest, ReadOptions
from tests.fakes.fault_storm import FaultStorm, Storm
from tests.fakes.running_engine import running_engine, stub_folder
from tests.fakes.storm_documents import coloured_pdf

SETTINGS = {
    "QUIRE_DEVICE": "cpu",
    "QUIRE_DEVICE_WORKERS": "2",
    "QUIRE_RENDER_WORKERS": "2",
    "QUIRE_DEVICE_STALL_SECONDS": "1",
}


def test_a_storm_of_faults_leaves_every_document_answered(tmp_path: Path) -> None:
    base = stub_folder(tmp_path / "ml", batch_seconds=0.01, max_items=8, memory_items=6, slow_seconds=0.2)
    with running_engine(tmp_path / "run", {"SAGEMAKER_BASE_DIR": str(base), **SETTINGS}) as engine:
        calm = Storm(num_documents=20, markers_per_thousand=1, kill_every_seconds=1e9)
        storm = Storm(num_documents=300, num_threads=16, seed=1, markers_per_thousand=4)
        report = FaultStorm(engine, tmp_path / "storm", storm).run()
        after = FaultStorm(engine, tmp_path / "calm", calm).run()
    assert not report.wrong
    assert sum(report.documents.values()) == storm.num_documents
    assert report.documents["complete"] > 200
    assert report.pages["page_failed_on_device"] > 0
    assert len(report.unlucky) <= 2 + sum(report.kills.values()) // 10
    assert not after.wrong
    assert sum(after.documents.values()) == calm.num_documents
    log = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert not [line for line in log if "traceback" in line]
    assert not list((tmp_path / "run").glob("pages-*"))


def test_callers_who_hang_up_while_news_waits_for_them_harm_nobody(tmp_path: Path) -> None:
    """Progress is sent a little later, together: by then some have gone."""
    base = stub_folder(tmp_path / "ml", page_seconds=0.02, max_items=1)
    document = tmp_path / "pages.pdf"
    document.write_bytes(coloured_pdf(((10, 20, 30),) * 40))
    with running_engine(tmp_path / "run", {"SAGEMAKER_BASE_DIR": str(base), **SETTINGS}) as engine:
        for number in range(20):
            hung_up: Channel[ToEngine, FromEngine] = Channel.connect(engine.address, FromEngine)
            request = DocumentRequest(
                path=document,
                media_type="application/pdf",
                num_bytes=1,
                sha256="",
                options=ReadOptions(dpi=72),
            )
            results = tmp_path / f"{number}.jsonl"
            hung_up.send(Submit(request=request, pages_path=str(results), deadline_seconds=60.0))
            while not isinstance(hung_up.receive(), Progress):
                pass
            time.sleep(0.05)
            hung_up.close()
        assert engine.read(document, dpi=72).status == "complete"
        assert engine.process.poll() is None
