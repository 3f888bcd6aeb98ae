"""Does an endpoint behave as SageMaker's asynchronous inference does? One suite, for AWS and for a laptop."""
