"""What networks, the gate and the whole way are worth: on test sets, on labelled pictures, and as reports."""
