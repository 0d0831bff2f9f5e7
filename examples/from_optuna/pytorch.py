"""A network whose depth and widths are searched, in a training loop of one's own."""

import optuna
import torch
from sets import arguments, digits
from torch import nn

import mapsto as mp


def network(trial):
    layers, size = [], 64
    for number in range(trial.suggest_int("n_layers", 1, 3)):
        width = trial.suggest_int(f"n_units_l{number}", 4, 128)
        layers += [nn.Linear(size, width), nn.ReLU(), nn.Dropout(trial.suggest_float(f"dropout_l{number}", 0.2, 0.5))]
        size = width
    return nn.Sequential(nn.Flatten(), *layers, nn.Linear(size, 10))


def objective(trial):
    x, y = map(torch.from_numpy, digits())
    torch.manual_seed(0)
    model = network(trial)
    name = trial.suggest_categorical("optimizer", ["Adam", "RMSprop", "SGD"])
    optimizer = getattr(torch.optim, name)(model.parameters(), lr=trial.suggest_float("lr", 1e-5, 1e-1, log=True))
    for epoch in range(given.epochs):
        model.train()
        for rows in torch.randperm(1200).split(128):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x[rows]), y[rows]).backward()
            optimizer.step()
        model.eval()
        with torch.no_grad():
            accuracy = (model(x[1200:]).argmax(1) == y[1200:]).float().mean().item()
        trial.report(accuracy, epoch)
        if trial.should_prune():
            raise optuna.TrialPruned
    return accuracy


if __name__ == "__main__":
    given = arguments()
    # was: study = optuna.create_study(direction="maximize"); study.optimize(objective, n_trials=100, timeout=600)
    study = mp.tune_objective(objective, direction="maximize", n_trials=given.trials, budget=600, out=given.out)
    print(study.best_value, study.best_params)
