"""S3 at the local endpoint: objects in files, and the REST API that Amazon's clients speak."""
