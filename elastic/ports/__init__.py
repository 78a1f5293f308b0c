"""What we need of the world, one Protocol a file. Adapters fill them; roles know nothing else."""
