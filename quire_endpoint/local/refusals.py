"""With which errors do the rooms of the local endpoint refuse one another?"""

from __future__ import annotations


class ObjectMissing(Exception):
    """There is no such object, or no such bucket; the message names it."""


class ObjectRefused(Exception):
    """S3 does not take the object; the message says why."""


class NotificationFailed(Exception):
    """SNS did not take the message; the message says why."""


class NoSuchEndpoint(Exception):
    """No endpoint of this name runs here."""
