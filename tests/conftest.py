"""For all tests: how hypothesis searches."""

import os

from hypothesis import settings

settings.register_profile("elastic", deadline=None)
settings.register_profile("elastic-ci", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("elastic-ci" if os.environ.get("CI") else "elastic")
