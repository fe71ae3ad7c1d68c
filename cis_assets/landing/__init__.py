"""Landing files, the only entrance to the lake: their contract and their reader."""
