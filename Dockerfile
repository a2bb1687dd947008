# A server of translations, or the studio. For a CPU:
#     docker build -t unpaired .
# For a CUDA GPU (the machine needs NVIDIA's driver and container toolkit):
#     docker build -t unpaired:cuda --build-arg TORCH_INDEX=https://download.pytorch.org/whl/cu128 .
#     docker run --gpus all …
# Both:
#     docker run --rm -p 8000:8000 -e UNPAIRED_TOKEN=… -v "$PWD/runs:/runs:ro" unpaired serve /runs/zebra --host 0.0.0.0
ARG PYTHON=3.11

FROM python:${PYTHON}-slim AS build
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
WORKDIR /build
RUN python -m venv /venv
ENV PATH=/venv/bin:$PATH
COPY constraints.txt ./
# The largest layer comes first, so that changed code does not fetch torch again.
# hadolint ignore=DL3013
RUN torch=$(grep '^torch==' constraints.txt) && pip install --no-cache-dir --index-url "$TORCH_INDEX" "$torch"
COPY pyproject.toml README.md LICENSE ./
COPY src ./src
RUN pip install --no-cache-dir -c constraints.txt '.[web]'

FROM python:${PYTHON}-slim
# Not root, and a home for caches; by number, so that Kubernetes sees that it is not root.
RUN useradd --create-home --uid 1000 unpaired
COPY --from=build /venv /venv
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1
USER 1000
WORKDIR /home/unpaired
EXPOSE 8000
# docker stop sends SIGTERM, on which the server finishes what is under way.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s CMD \
    ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/v1/health', timeout=4)"]
ENTRYPOINT ["unpaired"]
CMD ["--help"]
