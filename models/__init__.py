"""Things that learn, in scikit-learn's conventions; no HTTP, no database, no MLflow."""
