"""What is claimed of asynchronous inference, by subject: each claim with its proof and the check of it."""
