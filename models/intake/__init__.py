"""From the bytes of a picture to what a network sees: decoded, told apart, brought to 28x28, judged; numbers too.

Only what every picture passes on its way may be here. It knows datasets by their names and how checkpoints lie, never
catalog or networks; torch is `small_cnn`'s alone, which is imported when auto or gate is loaded.
"""
