"""`python -m muniment`: the same as the program `muniment`."""

from __future__ import annotations

from muniment.cli import main

if __name__ == "__main__":
    main()
