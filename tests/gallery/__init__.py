"""A small site that the guard is installed in; only the tests of `moderation.host` install it."""
