"""The warm process imports of libraries what steps use, and the rest is there when asked for."""

import json
import subprocess
import sys
from typing import Any

_LEAN = """
import json, sys
from tweakreg_steps.running.lean_libraries import import_lean

import_lean()
"""

_UNUSED = """
import matplotlib.figure, scipy.ndimage, scipy.special, stwcs.updatewcs
from matplotlib.patches import Circle
print(json.dumps({
    "imported": [*sys.modules],
    "artist": Circle.__init__.__doc__,
    "special": scipy.special.gammainc(2.0, [0.5, 1.0]).tolist(),
    "image": scipy.ndimage.correlate([1.0, 2.0, 4.0], [1.0, 1.0, 1.0]).tolist(),
}))
"""

_ASKED_FOR = """
import inspect, numpy, stwcs.updatewcs
inspect.getmodule(inspect.currentframe())
postponed = [type(sys.modules[name]).__name__ for name in ("numpy.f2py", "mpl_toolkits.mplot3d")]
print(json.dumps({
    "postponed": postponed,
    "fortran": numpy.f2py.get_include(),
    "database": stwcs.updatewcs.astrometry_utils.AstrometryDB.__name__,
    "axes": hasattr(sys.modules["mpl_toolkits.mplot3d"], "axes3d"),
    "imported": [*sys.modules],
}))
"""


def answer(code: str) -> dict[str, Any]:
    call = subprocess.run((sys.executable, "-c", code), check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(call.stdout)
    return found


def test_what_no_step_uses_is_not_imported_and_functions_are_as_ever() -> None:
    lean, whole = answer(_LEAN + _UNUSED), answer("import json, sys\n" + _UNUSED)
    unused = {"mpl_toolkits.mplot3d.axes3d", "numpy.f2py.crackfortran", "requests"}
    assert not unused & set(lean["imported"])
    assert unused <= set(whole["imported"])
    assert len(lean["artist"]) < len(whole["artist"])
    assert [lean["special"], lean["image"]] == [whole["special"], whole["image"]]


def test_what_was_left_out_is_imported_when_something_of_it_is_asked_for() -> None:
    found = answer(_LEAN + _ASKED_FOR)
    assert found["postponed"] == ["_Postponed", "_Postponed"]
    assert found["fortran"].endswith("src")
    assert found["database"] == "AstrometryDB"
    assert found["axes"]
    assert {"numpy.f2py.crackfortran", "requests", "mpl_toolkits.mplot3d.axes3d"} <= set(
        found["imported"]
    )
