"""What an endpoint measures and logs, and how many instances that makes it ask for."""
