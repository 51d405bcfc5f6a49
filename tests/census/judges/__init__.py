"""The second readings, by the dialect that the program says a file is written in."""

from . import code, hugging_face, recipes, speech_and_text, vision

JUDGES = {}
for _room in (hugging_face, recipes, speech_and_text, vision, code):
    JUDGES |= _room.JUDGES
