import pytest

from otgan.critics import METHODS, get_method
from otgan.critics.wgan_gp import WganGp
from otgan.errors import InvalidTypeError, InvalidValueError


def test_a_name_with_options_and_a_method_as_it_is():
    assert get_method("wgan-gp", penalty_weight=3.0, lipschitz=2) == WganGp(2, 3.0)
    method = WganGp(4.0)
    assert get_method(method) is method


def test_names_and_sentences_are_complete():
    for name, kind in METHODS.items():
        assert name == kind.name
        assert kind.summary
        assert kind.held.startswith("by ")


@pytest.mark.parametrize(
    ("method", "options", "error", "message"),
    [
        ("gan", {"clip": 1}, InvalidValueError, "method must be one of"),
        (3, {}, InvalidTypeError, "method must be a name or a Method, got int"),
        ("wgan-gp", {"lamda": 1}, InvalidTypeError, "options must be hyper-parameters of wgan-gp"),
        (WganGp(), {"lipschitz": 1}, InvalidTypeError, "options must come with a name"),
        ("wgan-gp", {"lipschitz": 0.0}, InvalidValueError, "lipschitz must be in"),
        ("wgan-gp", {"penalty_weight": -1.0}, InvalidValueError, "penalty_weight must be in"),
    ],
)
def test_what_is_refused(method, options, error, message):
    with pytest.raises(error, match=message):
        get_method(method, **options)
