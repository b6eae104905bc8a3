# They have a network of their own for the whole session, and a tier of their own.
collect_ignore = ["app"]
