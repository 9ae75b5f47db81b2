# The server in an image: the wheel is built in one stage, and only what it needs to run is in the other.
FROM python:3.11-slim AS build
WORKDIR /source
COPY . .
RUN python -m pip install --no-cache-dir build \
 && python -m build --wheel --outdir /wheel \
 && python -m venv /opt/jobreel \
 && /opt/jobreel/bin/python -m pip install --no-cache-dir "$(ls /wheel/*.whl)[postgres]"

FROM python:3.11-slim
RUN useradd --system --uid 10001 --create-home --home-dir /var/lib/jobreel jobreel
COPY --from=build /opt/jobreel /opt/jobreel
ENV PATH=/opt/jobreel/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    TRACKER_HOST=0.0.0.0 \
    TRACKER_PORT=5100 \
    TRACKER_DATABASE_URL=sqlite:////var/lib/jobreel/tracker.db
USER jobreel
WORKDIR /var/lib/jobreel
VOLUME /var/lib/jobreel
EXPOSE 5100
# The process answers. Whether the log can be written is /readyz: a node is not to be stopped because the database is away.
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s \
  CMD ["python", "-c", "import http.client; connection = http.client.HTTPConnection('127.0.0.1', 5100, timeout=3); connection.request('GET', '/healthz'); raise SystemExit(connection.getresponse().status != 200)"]
ENTRYPOINT ["tracker"]
CMD ["serve"]
