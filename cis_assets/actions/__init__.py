"""What people can do with the system, for all who offer it: commands, jobs and the app.

Code with a single caller belongs to that caller.
"""
