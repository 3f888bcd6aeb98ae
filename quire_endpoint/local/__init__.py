"""The local async endpoint: SageMaker Asynchronous Inference on this machine, in front of real containers."""
