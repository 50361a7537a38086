"""A clip as a timeline for other editors, in whole frames of the source and of the clip."""
