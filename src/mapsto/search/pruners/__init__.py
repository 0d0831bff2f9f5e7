"""When a trial is stopped because others do better: one pruner a file, pure rules over plain data."""
