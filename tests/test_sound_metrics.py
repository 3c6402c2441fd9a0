"""FD[log-mel]: features against NumPy, and what the distance of sounds tells apart."""

import keras
import numpy as np
import pytest
import sounds
import tensorflow as tf

import kerasgan
from kerasgan import metrics
from kerasgan.callbacks import FrechetDistance
from kerasgan.metrics import LogMel, log_mel
from kerasgan.signature import Waveform
from kerasgan.utils.errors import UserError
from kerasgan.utils.sounds import from_int16, to_int16


def mel(hertz):
    return 1127.0 * np.log(1.0 + np.asarray(hertz, "float64") / 700.0)


def reference(samples, rate, bands=32):
    """The definition, in float64: features (96,) of 16-bit samples (T,)."""
    frame, hop = 2 * round(0.016 * rate), round(0.008 * rate)
    audio = np.asarray(samples, "float64") / 2**15
    number = -(-len(audio) // hop)
    audio = np.append(audio, np.zeros(frame))
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(frame) / frame)
    size = 2 ** int(np.ceil(np.log2(frame)))
    edges = np.linspace(mel(20.0), mel(rate / 2), bands + 2)
    places = mel(np.arange(size // 2 + 1) * rate / size)
    weights = np.zeros((bands, len(places)))
    for band in range(bands):
        low, middle, high = edges[band : band + 3]
        rise, fall = (places - low) / (middle - low), (high - places) / (high - middle)
        weights[band] = np.maximum(0.0, np.minimum(rise, fall))
    weights[:, 0] = 0.0  # the mean is in no band
    rows = []
    for start in range(0, number * hop, hop):
        transformed = np.fft.rfft(audio[start : start + frame] * window, size)
        power = np.abs(transformed * 2.0 / window.sum()) ** 2
        rows.append(np.log(weights @ power + 1e-6))
    rows = np.array(rows)
    time = np.arange(number) - (number - 1) / 2
    time = time / time.std() if number > 1 else time
    covariance = ((rows - rows.mean(0)) * time[:, None]).mean(0)
    return np.concatenate([rows.mean(0), rows.std(0), covariance])


@pytest.mark.parametrize("rate, length", [(16000, 4096), (8000, 1024), (44100, 5000), (16000, 100)])
def test_features_are_those_of_the_definition(rate, length):
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 0.1, length) * np.linspace(1, 0, length)
    tone = sounds.tone(440, 2 * length / rate, rate)[:length]
    for sound in (noise, tone, np.zeros(length)):
        samples = to_int16(sound)
        made = LogMel(rate)(samples[None, :, None])[0]
        np.testing.assert_allclose(made, reference(samples, rate), atol=1e-5, rtol=1e-5)


def test_a_full_scale_sine_has_the_level_0_and_silence_the_floor():
    sine = sounds.tone(1000, 0.5, decay=0.0)
    levels = log_mel(tf.constant(sine[None]), 16000)[0].numpy()
    assert levels.max() == pytest.approx(0.0, abs=0.7)  # the band's weight is below 1
    assert log_mel(tf.zeros((1, 1000)), 16000).numpy().max() == pytest.approx(np.log(1e-6))


def test_the_distance_tells_pitch_loudness_and_direction_apart():
    extractor = LogMel()

    def distance(sounds_a, sounds_b):
        pair = (metrics.Statistics.of(extractor(to_int16(each))) for each in (sounds_a, sounds_b))
        return metrics.frechet_distance(*pair)

    a, b = sounds.tones(200), sounds.tones(200, seed=1)
    near = distance(a, b)
    assert distance(a, 0.1 * b) > 5 * near
    assert distance(a, b[:, ::-1]) > 5 * near
    noise = np.random.default_rng(0).uniform(-1, 1, b.shape)
    assert distance(a, noise) > 50 * near


def test_wav_samples_are_what_is_scored():
    audio = sounds.tones(3)
    kind = Waveform(4096)
    np.testing.assert_array_equal(kind.observed(audio), to_int16(audio))
    np.testing.assert_array_equal(from_int16(to_int16(audio)) * 2**15, to_int16(audio))
    assert kind.extractor() == LogMel(16000) and LogMel(8000).sha256 != LogMel().sha256


@pytest.mark.parametrize("wrong", [np.zeros((2, 100, 1)), np.zeros((2, 100), np.int16)])
def test_other_arrays_are_refused(wrong):
    with pytest.raises(ValueError, match="Sounds must"):
        LogMel()(wrong)


def test_nearest_neighbours_find_a_copy_under_noise():
    real = sounds.tones(50)
    copies = real[[7, 31]] + np.random.default_rng(0).normal(0, 1e-3, (2, 4096, 1))
    features = [LogMel()(to_int16(each)) for each in (copies, real)]
    places, distances = metrics.nearest_neighbours(*features)
    assert np.ravel(places).tolist() == [7, 31]


@pytest.fixture(scope="module")
def gan():
    keras.utils.set_random_seed(0)
    gan = kerasgan.WaveGAN(length=4096, width=2, n_critic=1, seed=0)
    gan.compile()
    return gan


@pytest.mark.filterwarnings("ignore:The Frechet distance of 96 features")
def test_a_model_of_sounds_is_scored_by_evaluate_and_in_fit(gan):
    real = sounds.tones(16)
    score = gan.evaluate(real, verbose=0)["frechet_distance"]
    statistics = metrics.Statistics.of(LogMel()(to_int16(real)))
    fakes = metrics.Statistics.of(LogMel()(to_int16(gan.sample(16, seed=0))))
    assert score == pytest.approx(metrics.frechet_distance(statistics, fakes), rel=1e-4)
    called = FrechetDistance(real, extractor=LogMel())
    history = gan.fit(real, batch_size=8, epochs=2, verbose=0, callbacks=[called]).history
    assert np.isfinite(history["frechet_distance"]).all()


def test_sounds_that_do_not_fit_are_refused(gan):
    with pytest.raises(UserError, match="must lie in"):
        gan.evaluate(3.0 * sounds.tones(8), verbose=0)
    with pytest.raises(UserError, match=r"shape \(8, 4096, 1\)"):
        gan.evaluate(sounds.tones(8, length=1024), verbose=0)
    broken = sounds.tones(8)
    broken[3, 10] = np.nan
    with pytest.raises(UserError, match="must be finite"):
        gan.fit(broken, batch_size=8, verbose=0)
