"""Whom to write to, about what, when and in which words: pure domain code of personalised notifications.

Facts and words are kept apart. `contexts` decides who is addressed, about which product, on what occasion and
with which offer; a writer (see `cis_assets.writers`) only writes prose with named slots; `validator` refuses prose
that claims anything the facts do not carry; `messages` fills the slots. Nothing here knows of Dagster, of storage
or of a model's API.
"""
