"""Who computes: how a slice of a Delta table is scanned and replaced, behind one small interface.

An engine only knows HOW. WHICH slice is read or written, and what must be refused, is decided by the IO
manager in `lake/`.
"""
