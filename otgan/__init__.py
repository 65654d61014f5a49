"""otgan: how far a learned Wasserstein distance is from the true one."""
