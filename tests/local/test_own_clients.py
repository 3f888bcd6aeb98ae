"""The local endpoint calls itself in its own name, whatever account its user has."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

MADE = """
from quire_endpoint.local.own_clients import OwnClients
clients = OwnClients("http://127.0.0.1:9")
for region in ("eu-west-1", "us-east-1"):
    client = clients.of("sqs", region)
    credentials = client._request_signer._credentials
    print(client.meta.region_name, client.meta.config.connect_timeout, credentials.access_key)
"""


def test_clients_know_nothing_of_the_user(repository: Path, tmp_path: Path) -> None:
    (tmp_path / "config").write_text("[default]\nregion = ap-south-1\nconnect_timeout = 7\noutput = x\n")
    told = subprocess.run(
        [sys.executable, "-c", MADE],
        cwd=repository,
        env={
            "AWS_PROFILE": "none-such",
            "AWS_CONFIG_FILE": str(tmp_path / "config"),
            "AWS_ACCESS_KEY_ID": "his",
        },
        capture_output=True,
        text=True,
    )
    assert told.stderr == ""
    assert told.stdout == "eu-west-1 60 local\nus-east-1 60 local\n"
