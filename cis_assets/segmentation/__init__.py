"""Customer segmentation: which customers are alike, what to call them, and what each segment does.

`model` trains on one snapshot of gold/customer_features, `assignment` places the customers of any snapshot from
the stored model, `profiles` and `patterns` describe the segments. Frames in, frames out: nothing here knows of
Dagster or of storage. Nothing is imported here, so that a caller pays only for the module it uses.
"""
