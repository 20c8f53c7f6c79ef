"""Paint the benchmark's exposures, and measure results against their truth.

``python scene.py paint FOLDER`` and ``python scene.py rms FOLDER FILE...``: processes of their
own, so that the benchmark itself stays small (a started process inherits its starter's peak
memory in the system's accounts).
"""

from __future__ import annotations

import json
import pickle
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from skies import rms_to_truth, uvis_scene  # noqa: E402 - path set above


def main(command: str, folder: Path, files: list[Path]) -> None:
    """Paint, or print the rms to the truth (mas) of each file as JSON."""
    truth = folder / "truth.pickle"
    if command == "paint":
        truth.write_bytes(pickle.dumps(uvis_scene(folder)))
        return
    scene = pickle.loads(truth.read_bytes())  # noqa: S301 - written a moment ago, above
    print(json.dumps({path.name: rms_to_truth(path, scene) for path in files}))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), [Path(name) for name in sys.argv[3:]])
