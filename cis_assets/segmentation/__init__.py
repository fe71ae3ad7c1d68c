"""Customer segmentation: train segments, assign customers to them, and describe each segment. Frames in, frames out.

`model` trains on one snapshot of gold/customer_features. `assignment` assigns the customers of any snapshot to the
segments of the stored model. `profiles` and `patterns` describe segments.
"""
