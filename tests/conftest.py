from hypothesis import settings

# The same examples on every machine, and no deadline: a loaded machine must not fail a test.
settings.register_profile("reproducible", derandomize=True, deadline=None)
settings.load_profile("reproducible")
