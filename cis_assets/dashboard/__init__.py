"""The dashboard: gold tables drawn as one HTML page that opens without a network.

`summaries` reduces gold frames to the few rows a chart shows, `charts` draws them with Altair, `page` puts charts and
words together. Nothing here knows of Dagster or of storage, and no row of a single customer reaches the page.
"""
