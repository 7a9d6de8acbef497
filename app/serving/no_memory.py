"""Whether an error says that memory is at an end."""

# What PyTorch, the libraries that it computes with on a GPU, and ONNX Runtime say, each in an error of its own.
WORDS = ("out of memory", "alloc_failed", "bad allocation", "failed to allocate memory")


def told_by(error: BaseException) -> bool:
    """Whether what failed may do with fewer pictures at once."""
    return isinstance(error, MemoryError) or any(words in str(error).lower() for words in WORDS)
