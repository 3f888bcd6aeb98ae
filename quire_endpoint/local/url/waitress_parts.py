"""What of waitress do we build on? Waitress says no types; those of these parts are in the .pyi beside."""

from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser
from waitress.task import ThreadedTaskDispatcher, WSGITask

__all__ = ["HTTPChannel", "HTTPRequestParser", "ThreadedTaskDispatcher", "WSGITask"]
