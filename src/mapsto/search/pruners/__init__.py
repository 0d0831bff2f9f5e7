"""When a trial is stopped because others do better: one pruner a file, Optuna's own."""
