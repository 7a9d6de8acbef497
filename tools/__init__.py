"""Scripts for those who build Lineup: what writes its tables and documents."""
