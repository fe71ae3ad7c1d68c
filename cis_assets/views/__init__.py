"""Questions that people and programs ask of the lake, one function each, by subject.

A view reads tables and returns rows. Printing, drawing and Dagster do not belong here.
"""
