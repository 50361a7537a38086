from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from talkreel.core.errors import ModelMissing
from talkreel.core.spans import Span
from talkreel.core.transcript import Word
from talkreel.edit.translated import sentences_of, spread_over
from talkreel.perceive.translate import Translator

WORDS = ["we", "go", "to", "the", "moon", "wir", "zum", "mond", "gehen"]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Marian model with random weights and a vocabulary of words."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import MarianConfig, MarianMTModel, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("marian")
    vocabulary = {w: i for i, w in enumerate(["<pad>", "</s>", "<unk>", *WORDS])}
    inner = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    inner.pre_tokenizer = pre_tokenizers.Whitespace()
    PreTrainedTokenizerFast(
        tokenizer_object=inner, pad_token="<pad>", eos_token="</s>", unk_token="<unk>"
    ).save_pretrained(folder)
    torch.manual_seed(1)
    config = MarianConfig(
        vocab_size=len(vocabulary),
        d_model=16,
        encoder_layers=1,
        decoder_layers=1,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=16,
        decoder_ffn_dim=16,
        max_position_embeddings=512,
        pad_token_id=0,
        eos_token_id=1,
        decoder_start_token_id=0,
        forced_eos_token_id=1,
    )
    MarianMTModel(config).save_pretrained(folder)
    return folder


def test_sentences_come_back_in_order_and_the_same_each_time(model: Path) -> None:
    translator = Translator(model, "en", "de")
    texts = ["we go to the moon", "the moon", *["we go"] * 9]
    once, again = translator(texts), translator(texts)
    assert once == again
    assert len(once) == len(texts)
    assert once[2] == once[10]
    assert all(set(text.split()) <= {*WORDS, "<unk>"} for text in once)
    assert any(once)


def test_a_folder_without_a_model_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match="holds no translation model that transformers can load"):
        Translator(tmp_path, "en", "de")


def test_words_share_the_time_of_their_sentence() -> None:
    said = [Word("We", Span(1.0, 1.3), speaker="A"), Word("go.", Span(1.4, 3.0), speaker="A")]
    said += [Word("Now.", Span(5.0, 5.5), speaker="B")]
    first, second = sentences_of(said)
    words = spread_over("Wir gehen jetzt.", first)
    assert [word.text for word in words] == ["Wir", "gehen", "jetzt."]
    assert words[0].span.start == 1.0
    assert words[-1].span.end == pytest.approx(3.0)
    assert all(a.span.end == b.span.start for a, b in itertools.pairwise(words))
    assert all(word.interpolated and word.speaker == "A" for word in words)
    assert spread_over("", second) == []
