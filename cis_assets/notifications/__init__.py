"""Personalized notifications: who is eligible, about which product, when, and with which copy. Pure domain code.

Facts and copy are separate. `contexts` selects customers, products, occasions and offers. A writer
(`cis_assets.writers`) writes copy with named slots. `validator` refuses copy that claims more than the facts
support. `messages` fills the slots.
"""
