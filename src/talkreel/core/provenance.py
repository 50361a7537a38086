"""Where a clip comes from and what was done to it, for whoever gets the file."""

from __future__ import annotations

from dataclasses import dataclass

from talkreel.core.spans import Span

SCHEMA = "provenance/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingredient:
    """Something the clip is made of.

    Attributes:
        title: file name.
        sha256: of its bytes.
        licence: as stated, or empty.
        attribution: whom to name, or empty.
        made_by: the model that generated it, or empty.
    """

    title: str
    sha256: str
    licence: str = ""
    attribution: str = ""
    made_by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """Something done to it.

    Attributes:
        action: in the words of C2PA 2.2's ``c2pa.actions``.
        description: one plain sentence.
        by_model: whether a trained model decided it.
    """

    action: str
    description: str
    by_model: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """A program or a model.

    Attributes:
        name: of it.
        version: or empty.
        sha256: of a model's weights, or empty.
    """

    name: str
    version: str = ""
    sha256: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """A file this is about."""

    file: str
    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """The whole account. It is not signed: it says, it does not prove.

    Attributes:
        title: of the clip.
        edit_id: of its edit.
        edit_sha256: of the edit's canonical JSON without paths.
        spans: what is played, source clock.
        source: the recording.
        ingredients: music, pictures and the like.
        actions: in order.
        programs: what made it.
        models: installed when it was made, with their digests.
        files: what was delivered.
        signed: whether a signature goes with it.
    """

    title: str
    edit_id: str
    edit_sha256: str
    spans: tuple[Span, ...]
    source: Ingredient
    ingredients: tuple[Ingredient, ...]
    actions: tuple[Action, ...]
    programs: tuple[Agent, ...]
    models: tuple[Agent, ...]
    files: tuple[Delivered, ...]
    signed: bool = False
