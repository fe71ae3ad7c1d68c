"""Customer Intelligence System: a Dagster asset graph over Delta tables of grocery orders.

Orders land as files per date, become bronze, silver and gold tables, and serve two purposes: understanding
customers (segments, patterns, a dashboard) and writing them true, personalised notifications. Nothing is
imported here, so that importing one module of the package never costs more than that module.
"""
