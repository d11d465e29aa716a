"""Writes solvers.txt, with which tests/unit/test_solvers.c compares second-order methods:

    python3 tests/golden/solvers.py

lbfgs: the iterates of SciPy's L-BFGS-B (Rosenbrock's function in 2 and 10 dimensions), whose line
search is Moré and Thuente's. lm: the optimum that SciPy's MINPACK finds for data that are written
with it."""
import os
import sys

import numpy as np
import scipy
from scipy.optimize import least_squares, minimize, rosen, rosen_der

ITERATES = 20


def write(out, name, values):
    print(name, len(values), *(f"{v:.17g}" for v in values), file=out)


def lbfgs(out, n):
    start = np.array([-1.2, 1.0] * (n // 2))
    points = []
    minimize(rosen, start, jac=rosen_der, method="L-BFGS-B", callback=lambda x: points.append(x.copy()),
             options=dict(maxcor=5, ftol=0, gtol=1e-9, maxls=25))
    write(out, f"lbfgs{n}", np.array(points[:ITERATES]).ravel())


def levenberg_marquardt(out):
    """y = b0 exp(-b1 x) + b2 with a deviation that anybody can compute."""
    x = np.arange(30) / 10
    y = 2.5 * np.exp(-1.3 * x) + 0.5 + 0.01 * ((np.arange(30) * 7) % 11 - 5)
    fit = least_squares(lambda b: b[0] * np.exp(-b[1] * x) + b[2] - y, [1.0, 1.0, 1.0], method="lm",
                        xtol=1e-15, ftol=1e-15, gtol=1e-15)
    write(out, "lm", [*fit.x, 2 * fit.cost])


def main():
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "solvers.txt")
    with open(path, "w") as out:
        print(f"# SciPy {scipy.__version__}, NumPy {np.__version__}, Python {sys.version.split()[0]}: "
              "tests/golden/solvers.py", file=out)
        lbfgs(out, 2)
        lbfgs(out, 10)
        levenberg_marquardt(out)


if __name__ == "__main__":
    main()
