"""SageMaker's API, as far as asynchronous endpoints need it: the control plane and the runtime."""
