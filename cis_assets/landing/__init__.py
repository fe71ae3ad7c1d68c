"""What arrives: the contract of landing files, their reader, and the sources that write them.

Landing is the only door into the lake. Whatever writes landing files (the generated sample, the public
Instacart release, a retailer's own export), nothing behind the reader knows which of them it was.
"""
