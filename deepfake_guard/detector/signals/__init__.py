"""One-class signals: each turns face crops into scores without having seen a generator."""
