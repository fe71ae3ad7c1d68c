"""Sources of orders: each writes landing files, which are the only entrance to the lake."""
