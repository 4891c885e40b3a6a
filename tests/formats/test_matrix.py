"""Every codec in every container that can hold it: each frame that is sampled is the one that a full decode gives."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.formats.comparing import differences
from tests.formats.declared import CELLS, CODECS, CONTAINERS
from tests.formats.film import FRAMES, Film
from tests.media.conftest import Open, sample
from tests.media.in_process import InProcess
from tests.media.videos import numbers_in


@pytest.mark.parametrize("film", CODECS, indirect=True)
def test_the_film_itself(film: Film) -> None:
    assert numbers_in(np.stack(film.pictures)) == list(range(FRAMES))


@pytest.mark.parametrize(("film", "container"), CELLS, indirect=["film"])
def test_each_sampled_frame(film: Film, container: str, tmp_path: Path, open_path: Open) -> None:
    media = open_path(film.put_into(CONTAINERS[container], tmp_path))
    assert list(differences(media, film)) == []


@pytest.mark.parametrize("film", CODECS, indirect=True)
def test_a_decoder_that_was_not_the_one_to_look_at_it(film: Film, tmp_path: Path, open_path: Open) -> None:
    media = open_path(film.put_into(CONTAINERS["mkv"], tmp_path))
    pool = media._decoders
    assert isinstance(pool, InProcess)
    del pool._own.decoder
    found = sample(media, 1.7, 2.8, fps=25.0)
    assert found.degraded == ()
    assert np.array_equal(found.pixels, film.pictures[42:70])
