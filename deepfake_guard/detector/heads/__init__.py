"""Heads: trained with fakes, kept strictly apart from the one-class signals; each names the generators it knows."""
