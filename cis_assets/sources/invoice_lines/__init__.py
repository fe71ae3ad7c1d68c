"""Flat files with one row per invoice line, as shops export them, as landing files."""
