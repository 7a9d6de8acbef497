"""Many pictures in one run, without a server: from a folder, an archive or a list to a table of answers.

A source (`sources`) gives pictures one after the other, `chunks` reads some of them at a time, `work` turns each chunk
into rows with the service's own intake and engine (on threads here, or over Ray Data in `on_ray`), and `partial` keeps
the rows until all are there, so that whatever ends the run, the next one goes on from there.
"""
