"""`python -m mnistlab` does what the command `mnistlab` does."""

import sys

from .cli import main

sys.exit(main())
