"""`python -m mapsto`, the same as `mapsto`."""

from mapsto.cli.main import main

if __name__ == "__main__":
    main()
