"""How long would a batch take?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from quire_endpoint.client.documents import Document
from quire_endpoint.client.inputs import Inputs
from quire_endpoint.client.ledger import Ledger
from quire_endpoint.client.request import Request


@dataclass(frozen=True)
class Plan:
    """Of documents that nobody has submitted yet. `num_known` of them were, by the ledger. `num_inline` would
    go with the call; `upload_bytes` is what the others have, S3's own objects apart."""

    num_documents: int
    num_known: int
    num_inline: int
    num_in_s3: int
    upload_bytes: int

    @property
    def num_to_submit(self) -> int:
        return self.num_documents - self.num_known

    def hours(self, document_seconds: float, at_once: int = 1) -> float:
        """Where a document takes so long and the endpoint works on so many at once: its instances times
        MaxConcurrentInvocationsPerInstance."""
        return self.num_to_submit * document_seconds / at_once / 3600


def dry_run(documents: Iterable[Document], request: Request, ledger: Ledger, inputs: Inputs) -> Plan:
    """Looks at files' sizes and at the ledger; touches nothing. Raises DocumentUnreadable."""
    num_documents = num_known = num_inline = num_in_s3 = upload_bytes = 0
    for document in documents:
        num_documents += 1
        size = document.size_bytes()
        if ledger.is_entered(document, request):
            num_known += 1
        elif size is None:
            num_in_s3 += 1
        elif inputs.goes_inline(size):
            num_inline += 1
        else:
            upload_bytes += size
    return Plan(num_documents, num_known, num_inline, num_in_s3, upload_bytes)
