"""Stage results cached by content."""
