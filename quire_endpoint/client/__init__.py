"""The client of an async endpoint, on AWS or local: submits documents, waits with deadlines, forgets none."""

from __future__ import annotations

from quire_endpoint.client.clock import Clock as Clock
from quire_endpoint.client.documents import Document as Document
from quire_endpoint.client.dry_run import Plan as Plan
from quire_endpoint.client.endpoint_client import AsyncEndpointClient as AsyncEndpointClient
from quire_endpoint.client.errors import AnswerGone as AnswerGone
from quire_endpoint.client.errors import AsyncEndpointError as AsyncEndpointError
from quire_endpoint.client.errors import CannotRead as CannotRead
from quire_endpoint.client.errors import CannotSubmit as CannotSubmit
from quire_endpoint.client.errors import DocumentUnreadable as DocumentUnreadable
from quire_endpoint.client.errors import StillWaiting as StillWaiting
from quire_endpoint.client.jobs import Job as Job
from quire_endpoint.client.outcomes import Expired as Expired
from quire_endpoint.client.outcomes import Failed as Failed
from quire_endpoint.client.outcomes import Lost as Lost
from quire_endpoint.client.outcomes import ModelError as ModelError
from quire_endpoint.client.outcomes import Outcome as Outcome
from quire_endpoint.client.outcomes import Partial as Partial
from quire_endpoint.client.outcomes import Succeeded as Succeeded
from quire_endpoint.client.request import Request as Request
from quire_endpoint.client.settings import ClientSettings as ClientSettings
