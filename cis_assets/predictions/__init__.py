"""What customers buy next, and when: features, models, and their evaluation on held-back orders."""
