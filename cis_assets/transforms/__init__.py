"""Pure transformations from frames to frames.

What makes silver works on the days it is given, in polars. What reads history (gold) is written in narwhals, so
that the same lines run on every engine. Nothing here knows of Dagster, files or storage.
"""
