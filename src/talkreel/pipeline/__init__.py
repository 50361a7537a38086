"""The stage chain in one process: media in, clips out, every stage cached."""
