"""`make run`: everything on one machine under one supervisor. Nothing here imports Django; it starts it."""
