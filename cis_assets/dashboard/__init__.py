"""The dashboard: gold tables as one self-contained HTML page.

`summaries` aggregates gold frames to the rows of each chart, `charts` draws them with Altair, and `page` combines
charts and text. The page has no row of a single customer.
"""
