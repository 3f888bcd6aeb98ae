"""Which containers run for an endpoint, and do they live?"""
