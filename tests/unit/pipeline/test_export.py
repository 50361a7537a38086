"""``--export`` and ``talkreel export``: what is made, what is left out, and what is told of it."""

from __future__ import annotations

import datetime
import hashlib
import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import c2pa
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from talkreel.core.edits import SCHEMA, Canvas, CropKey, CropPath, Edit, Layout, LayoutKind
from talkreel.core.errors import InputError
from talkreel.core.exports import SCHEMA as EXPORTS_SCHEMA
from talkreel.core.exports import ExportReport
from talkreel.core.jsonio import load_json, read_document, write_document
from talkreel.core.provenance import SCHEMA as PROVENANCE_SCHEMA
from talkreel.core.provenance import Provenance
from talkreel.core.spans import Span
from talkreel.media.ffmpeg import run_ffmpeg
from talkreel.media.probe import probe
from talkreel.pipeline.craft_options import CraftOptions
from talkreel.pipeline.credentials import CERTIFICATE_VARIABLE, KEY_VARIABLE
from talkreel.pipeline.export_edit import export_edit
from talkreel.pipeline.provenance import edit_digest
from talkreel.store.cache import StageCache


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Edit]:
    """An edit document of two seconds of a test picture."""
    folder = tmp_path_factory.mktemp("export")
    source = folder / "source.mp4"
    run_ffmpeg(
        [
            *("-f", "lavfi", "-i", "testsrc2=s=320x180:r=30:d=3"),
            *("-f", "lavfi", "-i", "sine=440:r=48000:d=3", "-c:v", "libx264"),
            *("-preset", "ultrafast", "-c:a", "aac", str(source)),
        ],
        timeout_seconds=60,
    )
    media = probe(source)
    span = Span(0.5, 2.5)
    whole = CropPath((CropKey(0.0, (0.0, 0.0, 1.0, 1.0)),))
    edit = Edit(
        id="e",
        title="Of tests",
        media_uri=media.uri,
        media_digest=media.digest,
        kept=(span,),
        canvas=Canvas(320, 180, Fraction(30)),
        layouts=(Layout(span, LayoutKind.CROP, (whole,)),),
    )
    write_document(folder / "edit.json", edit, SCHEMA)
    return folder / "edit.json", edit


@pytest.mark.integration
def test_everything_asked_for_is_made_or_told_why_not(
    written: tuple[Path, Edit], tmp_path: Path
) -> None:
    path, _ = written
    cache = StageCache(tmp_path / "cache")
    names = ["provenance", "x", "hdr", "reels", "overlay", "edl", "otio"]
    made = export_edit(path, names, out=tmp_path / "out", cache=cache)
    assert [file.name for file in made.files] == [
        "of-tests.x.mp4",
        "of-tests.edl",
        "of-tests.otio",
        "of-tests.provenance.json",
        "of-tests.exports.json",
    ]
    told = {note.feature: (note.applied, note.text) for note in made.notes}
    assert told["export hdr"][0] is False
    assert "not HDR" in told["export hdr"][1]
    assert "no less than 3 s" in told["export reels"][1]
    assert "no captions" in told["export overlay"][1]
    assert told["export x"][0] is True
    report = read_document(ExportReport, load_json(made.files[-1]), EXPORTS_SCHEMA)
    assert [(file.name, file.problems) for file in report.files] == [
        ("x", ()),
        ("edl", ()),
        ("otio", ()),
    ]
    clip = report.files[0]
    assert (clip.codec, clip.width, clip.height, clip.frames) == ("h264", 320, 180, 60)
    assert clip.sha256 == hashlib.sha256(made.files[0].read_bytes()).hexdigest()


@pytest.mark.integration
def test_provenance_names_source_edit_models_and_files(
    written: tuple[Path, Edit], tmp_path: Path
) -> None:
    path, edit = written
    made = export_edit(
        path, ["edl", "provenance"], out=tmp_path / "out", cache=StageCache(tmp_path / "cache")
    )
    record = read_document(Provenance, load_json(made.files[-2]), PROVENANCE_SCHEMA)
    assert record.source.sha256 == hashlib.sha256(Path(edit.media_uri).read_bytes()).hexdigest()
    assert record.edit_sha256 == edit_digest(edit) != edit_digest(replace(edit, title="Other"))
    assert record.signed is False
    assert {model.name for model in record.models} >= {"hook", "engagement"}
    assert all(len(model.sha256) == 64 for model in record.models)
    listed = {file.file: file.sha256 for file in record.files}
    assert listed == {"of-tests.edl": hashlib.sha256(made.files[0].read_bytes()).hexdigest()}
    assert str(Path(edit.media_uri).parent) not in json.dumps(load_json(made.files[-2]))


def test_unknown_names_are_refused_at_the_door(written: tuple[Path, Edit]) -> None:
    with pytest.raises(InputError, match="--export takes tiktok, .*got 'tiktak'"):
        CraftOptions(exports=("tiktak",))
    with pytest.raises(InputError, match="--export takes"):
        export_edit(written[0], ["tiktak"])
    with pytest.raises(InputError, match="--to names what to make"):
        export_edit(written[0], [])
    with pytest.raises(InputError, match="belongs to no job folder"):
        export_edit(written[0], ["edl"])


def _certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for signing content and its key, from an authority made for this test."""
    now = datetime.datetime.now(datetime.UTC)
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
    names = [
        x509.Name(
            [
                x509.NameAttribute(NameOID.COMMON_NAME, name),
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, "test"),
            ]
        )
        for name in ("authority", "signer")
    ]
    made = []
    for own, name, top in ((keys[1], names[1], False), (keys[0], names[0], True)):
        usage = x509.KeyUsage(not top, False, False, False, False, top, top, False, False)
        identity = x509.AuthorityKeyIdentifier.from_issuer_public_key(keys[0].public_key())
        builder = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(names[0])
            .public_key(own.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=9))
            .add_extension(x509.BasicConstraints(top, None), True)
            .add_extension(usage, True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(own.public_key()), False)
            .add_extension(identity, False)
        )
        if not top:
            purpose = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])
            builder = builder.add_extension(purpose, False)
        made.append(builder.sign(keys[0], hashes.SHA256()))
    pem, key = folder / "signer.pem", folder / "signer.key"
    pem.write_bytes(b"".join(c.public_bytes(serialization.Encoding.PEM) for c in made))
    key.write_bytes(
        keys[1].private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return pem, key


@pytest.mark.integration
def test_files_are_signed_with_the_users_certificate(
    written: tuple[Path, Edit], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache, out = StageCache(tmp_path / "cache"), tmp_path / "out"
    monkeypatch.delenv(CERTIFICATE_VARIABLE, raising=False)
    unsigned = export_edit(written[0], ["x", "c2pa"], out=out, cache=cache)
    assert "TALKREEL_C2PA_CERT names no PEM file" in unsigned.notes[-1].text
    for variable, path in zip(
        (CERTIFICATE_VARIABLE, KEY_VARIABLE), _certificate(tmp_path), strict=True
    ):
        monkeypatch.setenv(variable, str(path))
    made = export_edit(written[0], ["x", "c2pa"], out=out, cache=cache)
    assert made.notes[-1].applied
    found = json.loads(c2pa.Reader(str(made.files[0])).json())
    assert found["validation_state"] == "Valid"
    # Nobody trusts an authority made a second ago.
    assert [s["code"] for s in found["validation_status"]] == ["signingCredential.untrusted"]
    report = read_document(ExportReport, load_json(made.files[-1]), EXPORTS_SCHEMA)
    assert report.files[0].sha256 == hashlib.sha256(made.files[0].read_bytes()).hexdigest()
    # The cache's file, which others link to, is not signed.
    again = export_edit(written[0], ["x"], out=out, cache=cache)
    assert again.files[0].stat().st_size < report.files[0].size_bytes
    assert not list(out.glob(".part-*"))
