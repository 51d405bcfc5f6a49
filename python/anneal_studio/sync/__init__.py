"""What a training of Anneal Studio measured, given to the systems that people run already.

    python -m anneal_studio.sync DIR --to mlflow:http://127.0.0.1:5000 --to parquet:rows --follow

DIR is a training's folder, as ``anneal train --out DIR`` writes it. A target is a file of this package; each uses its
system's own client, which is imported only when it is asked for. How far each came is remembered in ``DIR/.sync``: a
folder is followed while it grows, what was sent is not sent again, and after either side died the rest is caught up.
Nothing here slows the training: it reads files that the training has written.
"""
