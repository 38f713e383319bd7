# Images of proxy (--target proxy) and operator (--target operator), with the same files in them as `make images` puts there without Docker.
#
#   docker build --target proxy -t pg-airlock/proxy:0.1.0 .
#   docker buildx build --platform linux/amd64,linux/arm64 --target operator -t registry.example/pg-airlock/operator:0.1.0 --push .
#
# Nothing of this first image is in the others: it runs the build, for either processor.
FROM --platform=$BUILDPLATFORM node:24.21.0-bookworm-slim@sha256:0e0ff40c39bc087845bfb27465a0df4ea419520094bc35842ff83dd8cbe6f9b6 AS build
ARG TARGETARCH
# 1: where Debian no longer has a package of the lock, its newest version.
ARG NEWEST=0
WORKDIR /src
COPY package.json package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY . .
RUN node scripts/build.ts && node scripts/build-images.ts --architectures "$TARGETARCH" --root-files /images

FROM scratch AS proxy
COPY --from=build /images/base/ /
COPY --from=build /images/node/ /
COPY --from=build /images/proxy/ /
USER 20432:20432
WORKDIR /
ENTRYPOINT ["/usr/bin/node", "--disable-sigusr1", "/app/pg-airlock.cjs"]

FROM scratch AS operator
COPY --from=build /images/base/ /
COPY --from=build /images/node/ /
COPY --from=build /images/operator/ /
USER 65532:65532
WORKDIR /
ENTRYPOINT ["/usr/bin/node", "--disable-sigusr1", "/app/pg-airlock-operator.cjs"]
