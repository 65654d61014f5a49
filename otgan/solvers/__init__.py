"""Solvers: one algorithm, one file. Each takes a problem and returns a `RawSolution`; `otgan.solve` certifies it."""
