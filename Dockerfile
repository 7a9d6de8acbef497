# One image for CPU and GPU; which PyTorch it holds is decided while it is built (tools/install-torch.sh):
#   docker build .                                        the CPU build (a few hundred MB), where PyTorch's index answers
#   docker build --build-arg TORCH_INDEX=default .        the default build, with CUDA
# torchvision is left out: only training needs it.
FROM python:3.11-slim

ARG TORCH_INDEX=
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore

WORKDIR /srv/lineup
COPY tools/install-torch.sh tools/
RUN TORCH_INDEX=$TORCH_INDEX sh tools/install-torch.sh python "torch>=2.11,!=2.13.0"

# The dependencies before the code, so that a change of the code does not install them again.
COPY pyproject.toml README.md LICENSE ./
RUN mkdir app models && touch app/__init__.py models/__init__.py && pip install --quiet -e . \
    && useradd --uid 10001 --no-create-home lineup
COPY app app
COPY models models
RUN python -m compileall -q app models
COPY weights weights

USER lineup
ENV HOME=/tmp
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=120s --start-interval=2s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/readyz', timeout=4)"]
CMD ["lineup", "serve", "--host", "0.0.0.0", "--port", "8000"]
