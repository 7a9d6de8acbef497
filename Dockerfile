# Without PyTorch: the networks run as compiled graphs, which are baked in. For a GPU, PyTorch comes along:
#   docker build .                                        on the CPU, 1.3 GB
#   docker build --build-arg TORCH_INDEX=default .        with PyTorch and CUDA (tools/install-torch.sh tells of the index)
#   docker build --build-arg EXTRAS=[ray] .               with Ray, for the nodes of a cluster; both together for its GPUs
FROM python:3.11-slim

ARG TORCH_INDEX=
ARG EXTRAS=
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore

WORKDIR /srv/lineup
COPY tools/install-torch.sh tools/
# torchvision is left out: only training needs it.
RUN [ -z "$TORCH_INDEX" ] || sh tools/install-torch.sh python "torch>=2.11,!=2.13.0"

# The dependencies before the code, so that a change of the code does not install them again.
COPY pyproject.toml README.md LICENSE ./
RUN mkdir app models && touch app/__init__.py models/__init__.py && pip install --quiet -e ".$EXTRAS" \
    && useradd --uid 10001 --no-create-home lineup
COPY app app
COPY models models
RUN python -m compileall -q app models
COPY weights weights

# Graphs for this machine's instruction set, those of /features among them. Another one's are made anew at every start
# (of /features: whenever they are asked for), and are in memory alone: who serves cannot write here.
ENV LINEUP_CACHE_DIR=/srv/lineup/cache
RUN lineup compile --features && chmod -R a+rX "$LINEUP_CACHE_DIR"

USER lineup
ENV HOME=/tmp
# Where Ray is installed: who reaches its ports needs the cluster's token, and nothing is told to its makers.
ENV RAY_AUTH_MODE=token RAY_USAGE_STATS_ENABLED=0
EXPOSE 8000
# What HTTP_PROXY says is not for this: urlopen would ask the proxy for its own 127.0.0.1.
HEALTHCHECK --interval=15s --timeout=5s --start-period=120s --start-interval=2s --retries=3 \
    CMD ["python", "-c", "from urllib.request import ProxyHandler, build_opener; build_opener(ProxyHandler({})).open('http://127.0.0.1:8000/readyz', timeout=4)"]
CMD ["lineup", "serve", "--host", "0.0.0.0", "--port", "8000"]
