"""What happens between a request and a network: intake, queues, batches, devices, metrics. No HTTP.

Start at `service`: `see` makes an upload a 28x28 picture, `ask` makes that an answer. It asks the `Parts` of `parts`,
which are protocols. `local` fills them in this process: `opening` sees, by an intake whose methods run on its threads;
`networks` answers, by batchers over an engine, which call `Engine.predict` from as many threads at once, in each lane,
as `Engine.streams` says. `app.cluster` fills them on Ray. Tests put a fake `Engine` and a fake `Intake` below `local`.
"""
