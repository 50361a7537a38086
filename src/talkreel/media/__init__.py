"""The only code that opens video or audio or runs ffmpeg."""
