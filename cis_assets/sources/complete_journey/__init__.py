"""The Complete Journey, one year of a grocery shop, as landing files."""
