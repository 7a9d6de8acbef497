"""The service on a Ray cluster: how its parts are sized, deployed and joined."""
