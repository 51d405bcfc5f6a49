"""Makes AnnealSymbols.ttf: the mathematical signs that Inter and JetBrains Mono lack, from DejaVu Sans.

Needs fonttools and DejaVu Sans (Debian: fonts-dejavu-core):

    python3 subset.py /usr/share/fonts/truetype/dejavu/DejaVuSans.ttf

The result has a name of its own, as the licence of the fonts that DejaVu is made of asks for; see
AnnealSymbols-LICENSE.txt.
"""

import sys

from fontTools import subset
from fontTools.ttLib import TTFont

RANGES = [
    (0x0370, 0x03FF),  # Greek
    (0x2070, 0x209F),  # superscripts and subscripts
    (0x2190, 0x21FF),  # arrows
    (0x2200, 0x22FF),  # mathematical operators
    (0x2308, 0x230B),  # ceilings and floors
    (0x25A0, 0x25FF),  # geometric shapes
]
NAME = "Anneal Symbols"

font = TTFont(sys.argv[1])
options = subset.Options(layout_features=[], hinting=False, notdef_outline=True, name_IDs=[0, 13, 14])
chosen = subset.Subsetter(options)
chosen.populate(unicodes=[code for low, high in RANGES for code in range(low, high + 1)])
chosen.subset(font)
for name_id, text in [(1, NAME), (2, "Regular"), (3, NAME), (4, NAME), (6, NAME.replace(" ", ""))]:
    font["name"].setName(text, name_id, 3, 1, 0x409)
font.save("AnnealSymbols.ttf")
