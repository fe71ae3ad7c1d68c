"""Writers of notification copy: a model behind OpenAI's Responses API, and a template writer that needs no network.

Each implements `CopyWriter`: requests describe a context, answers hold wordings with named slots. Writers see no
customer, product or discount, and do not decide whether copy is sent.
"""
