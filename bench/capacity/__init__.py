"""How many nodes serve how many pictures, on paper (`costs`, `queues`, `sizing`) and simulated (`stations`, `fleet`,
`scenarios`), from what was measured; `python -m bench.capacity`.
"""
