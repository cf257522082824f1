"""Jobs of data scientists: import, train, evaluate, promote, roll back, score, simulate."""
