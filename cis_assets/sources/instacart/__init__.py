"""The public Instacart release of 2017 as landing files."""
