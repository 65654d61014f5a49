"""Settings for all tests."""

from hypothesis import settings

# A first call compiles, which takes seconds where no cache has been written yet: no deadlines for single examples.
settings.register_profile("otgan", deadline=None)
settings.load_profile("otgan")
