"""Media to records: words, shots, faces, speakers, sound."""
