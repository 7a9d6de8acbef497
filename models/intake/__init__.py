"""From the bytes of a picture to what a network sees: decoded, told apart, brought to 28x28, judged; numbers too."""
