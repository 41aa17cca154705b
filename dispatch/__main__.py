"""`python -m dispatch` is `dispatch`."""

from dispatch.cli.main import main

if __name__ == "__main__":
    main()
