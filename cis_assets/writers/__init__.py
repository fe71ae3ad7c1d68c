"""Who writes the words of notifications: a model behind OpenAI's Responses API, or a composer of phrases.

Each writer keeps the interface `CopyWriter`: it gets requests that say what a context is like and answers with words
that hold named slots. No writer sees a customer, a product or a discount, and none decides whether its words are sent.
"""
