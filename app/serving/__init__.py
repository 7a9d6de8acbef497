"""What happens between a request and a network: intake, queues, batches, devices, metrics. No HTTP."""
