"""How the next recipe is proposed: one sampler a file, Optuna's own."""
