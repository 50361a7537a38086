"""Edit to file: one ffmpeg graph, measured loudness, verified delivery."""
