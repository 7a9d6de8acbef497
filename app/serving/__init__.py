"""What happens between a request and a network: intake, queues, batches, devices, metrics. No HTTP.

Two seams: the service asks an intake (`see`, `read`, `check_auto`, `load`, `states`; `serving.intake.Intake`, whose
methods run on threads of the service), and of a network `async submit(item, deadline) -> Done`, which a batcher over
the engine fulfils: it calls `Engine.predict` from as many threads at once, in each lane, as `Engine.streams` says.
Tests bring fakes for both; other processes or machines may stand behind them.
"""
