"""One file per topic; each has a `router`, listed in `serving/app.py`."""
