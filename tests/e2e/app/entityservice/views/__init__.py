"""The REST paths, by what they are about."""
