"""Erasure removes customers from every table and its history, and keeps them out.

`catalog/customer_rows.py` says which rows belong to a customer. `landing/erased_rows.py` reads landing files without them.
"""
