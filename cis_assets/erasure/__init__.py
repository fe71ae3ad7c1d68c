"""The right to be forgotten: customers are removed from every table, from the tables' history, and stay out.

Belongs here: what is removed where and in which order, and the receipt. Does not belong here: which rows are a
customer's (`catalog/customer_rows.py`), and how landing is read without them (`landing/erased_rows.py`).
"""
