"""An endpoint's invocations: their queue, their delivery to a container, and what becomes of the answer."""
