"""``python -m talkreel.cli``: the command without its console script."""

import sys

from talkreel.cli.main import main

sys.exit(main())
