"""What can go wrong with local services."""


class ServicesError(Exception):
    """A service cannot be had or does not start; the message is a sentence for the person who asked for it."""
