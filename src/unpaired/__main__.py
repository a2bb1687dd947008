"""`python -m unpaired`, which torchrun needs."""

from unpaired.cli import main

if __name__ == "__main__":
    main()
