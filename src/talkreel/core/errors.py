"""Errors a caller can act on, under one root.

Each message says what was wrong, what is allowed and what to do, on one line.
"""

from __future__ import annotations


class TalkreelError(Exception):
    """Root of every error that talkreel raises on purpose."""

    exit_code = 1


class InputError(TalkreelError):
    """The input or an option cannot be used as it is (exit code 2)."""

    exit_code = 2


class MediaError(InputError):
    """The media file cannot be opened, is not media, or holds nothing that decodes."""


class TranscriptError(InputError):
    """A transcript file cannot be read or does not belong to the media."""


class SchemaError(InputError):
    """A JSON document has another schema, a newer version, or a field of the wrong shape."""


class OutputError(InputError):
    """The output cannot be written: no space, no permission, or a file where a folder must be."""


class NothingToClip(TalkreelError):
    """The media was analysed and holds nothing worth a clip (exit code 3)."""

    exit_code = 3


class RenderError(TalkreelError):
    """ffmpeg failed, or the delivered file did not verify; carries ffmpeg's last lines."""


class EngineError(TalkreelError):
    """A generative engine that was asked for gave no usable answer."""


class ModelMissing(InputError):
    """Weights that the caller asked for are not on this machine."""
