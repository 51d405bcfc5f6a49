"""Anneal Studio's client: bend the learning-rate schedule of a training of yours while it trains.

>>> from anneal_studio import Live
>>> live = Live(optimizer, scheduler=scheduler, total=10_000, name="my transformer")   # doctest: +SKIP

The pieces for other frameworks are imported from their own modules: ``anneal_studio.hugging_face.AnnealCallback``,
``anneal_studio.lightning.AnnealCallback``, ``anneal_studio.keras.AnnealCallback``, ``anneal_studio.optax.Live``.
"""

from .asked import Request
from .live import Live
from .plan import Change

__all__ = ["Change", "Live", "Request"]
__version__ = "0.1.0"
