# Our own image: ingest, alerts, web and the command are one installation. docker-compose.yml says how they run together.

FROM python:3.11-slim AS build
WORKDIR /build
# the development lock holds what a build needs: hatchling for the wheel, Node and npm (as wheels) for the console
COPY requirements-dev.lock ./
RUN pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements-dev.lock
COPY web/console/package.json web/console/package-lock.json web/console/.npmrc web/console/
RUN cd web/console && npm ci --no-audit --no-fund
COPY . .
RUN cd web/console && npm run build
RUN pip wheel --no-cache-dir --disable-pip-version-check --no-deps --no-build-isolation --wheel-dir /wheel .

FROM python:3.11-slim
COPY requirements.lock /tmp/requirements.lock
RUN pip install --no-cache-dir --disable-pip-version-check --require-hashes -r /tmp/requirements.lock
COPY --from=build /wheel /tmp/wheel
RUN pip install --no-cache-dir --disable-pip-version-check --no-deps --no-index /tmp/wheel/*.whl && rm -r /tmp/wheel /tmp/requirements.lock
# /mosquitto/config is a volume shared with the broker, whose user is 1883: a new volume takes this folder's owner
RUN useradd --uid 10001 --create-home --home-dir /var/lib/skynet skynet \
    && install -d -o 1883 -g 1883 /mosquitto/config
USER skynet
WORKDIR /var/lib/skynet
ENV SKYNET_DATA_DIR=/var/lib/skynet PYTHONUNBUFFERED=1
EXPOSE 8420
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8420/readyz', timeout=3)"]
CMD ["skynet", "web"]
