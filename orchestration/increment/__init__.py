"""What few new events change, computed for the people whom they touch and for nobody else."""
