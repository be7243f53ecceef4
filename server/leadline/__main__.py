"""`python -m leadline` is the `leadline` command."""

import sys

from leadline.cli import main

sys.exit(main())
