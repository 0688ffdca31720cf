"""The tests: they mirror the packages; `conftest.py` tells how a run is made."""
